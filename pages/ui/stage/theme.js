// The page's colours, from the custom properties that Streamlit sets around every component.
// Canvas and Plotly need plain colours, so mixtures (muted, hairline) are computed here rather than in CSS.

const probe = document.createElement("canvas").getContext("2d");

/** Any CSS colour -> [r, g, b]. */
function channels(colour) {
  probe.fillStyle = "#000";
  probe.fillStyle = colour;
  const text = probe.fillStyle;
  if (text.startsWith("#")) return [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));
  return text.match(/[\d.]+/g).slice(0, 3).map(Number);
}

const mix = (a, b, share) => `rgb(${a.map((value, i) => Math.round(value * share + b[i] * (1 - share))).join(",")})`;

export function readTheme(element) {
  const style = getComputedStyle(element);
  const get = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  const text = channels(get("--st-text-color", "#31333f"));
  const background = channels(get("--st-background-color", "#ffffff"));
  const light = background[0] * 0.3 + background[1] * 0.6 + background[2] * 0.1;
  return {
    dark: light < 128,
    ink: text,
    text: mix(text, background, 1),
    background: mix(background, text, 1),
    muted: mix(text, background, 0.62),
    hairline: mix(text, background, 0.22),
    font: get("--st-font", "sans-serif"),
  };
}

export const lineColour = (theme, name) => (name === "text" || name === "muted" ? theme[name] : name);

/** The grey of a shade at t in 0..1: the background where low, never so dark that a line on it is lost. */
export const shadeStrength = (theme) => (theme.dark ? 0.62 : 0.58);
