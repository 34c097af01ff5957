// "Save as a picture": Plotly exports only its own svg, so landscape, plot and overlay are laid over each other here.

const SCALE = 2;

const loadImage = (url) =>
  new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error("the panel's svg could not be drawn for the export"));
    image.src = url;
  });

const svgUrl = (text) => `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;

/** Panel -> a canvas with everything that the panel shows, at twice its size. */
export async function compose(panel) {
  const { size, theme, title, canvas, overlay, graph, Plotly } = panel;
  const head = 28;
  const target = document.createElement("canvas");
  Object.assign(target, { width: size.width * SCALE, height: (size.height + head) * SCALE });
  const brush = target.getContext("2d");
  brush.scale(SCALE, SCALE);
  brush.fillStyle = theme.background;
  brush.fillRect(0, 0, size.width, size.height + head);
  brush.fillStyle = theme.text;
  brush.font = `14px ${theme.font}`;
  brush.fillText(title.textContent, size.margin.l, 20);
  brush.translate(0, head);
  const { xaxis, yaxis } = graph._fullLayout;
  const area = [xaxis._offset, yaxis._offset, xaxis._length, yaxis._length];
  brush.drawImage(canvas, ...area);
  const plot = await Plotly.toImage(graph, { format: "svg", width: size.width, height: size.height });
  brush.drawImage(await loadImage(plot), 0, 0, size.width, size.height);
  const copy = overlay.root.cloneNode(true);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", area[2]);
  copy.setAttribute("height", area[3]);
  copy.setAttribute("font-family", theme.font);
  copy.removeAttribute("style");
  copy.querySelectorAll("[data-hit]").forEach((hit) => hit.remove());
  brush.drawImage(await loadImage(svgUrl(new XMLSerializer().serializeToString(copy))), ...area);
  return target;
}

export async function exportPicture(panel) {
  const target = await compose(panel);
  const link = document.createElement("a");
  link.href = target.toDataURL("image/png");
  link.download = `${panel.def.title || panel.def.id}.png`.replace(/[^\p{L}\p{N}.-]+/gu, "-");
  link.click();
}
