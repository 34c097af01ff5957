// The block under the panels: play and step first, then sliders, choices, presets, actions and progress.
// Controls are made once and brought up to date in place: a control that is rebuilt loses the finger that holds it.

import { h, put, say } from "./dom.js";
import { Slider } from "./slider.js";
import { StepRow } from "./steprow.js";

let serial = 0;

class Choice {
  constructor(def, on) {
    serial += 1;
    this.inputs = def.options.map(({ value }) =>
      h("input", {
        type: "radio", name: `inv-choice-${serial}`, value: String(value), onchange: () => on.commit(value),
      }));
    const options = def.options.map(({ label }, i) => h("label", {}, this.inputs[i], h("span", {}, label)));
    this.root = h("div", { class: "inv-row inv-choice", "data-control": def.name },
      h("span", { "aria-hidden": "true" }, def.label),
      h("div", { class: "inv-options", role: "radiogroup", "aria-label": def.label }, ...options));
    this.def = def;
  }

  update() {}

  show(value) {
    this.def.options.forEach((option, i) => {
      this.inputs[i].checked = option.value === value;
    });
  }

  enable(yes) {
    for (const input of this.inputs) input.disabled = !yes;
  }
}

/** Several of a few: a row of boxes to tick. What is not offered here but ticked stays ticked. */
class Ticks {
  constructor(def, on) {
    this.ticked = [];
    this.inputs = def.options.map(({ value }) =>
      h("input", {
        type: "checkbox", value: String(value),
        onchange: ({ target }) =>
          on.commit(target.checked ? [...this.ticked, value] : this.ticked.filter((other) => other !== value)),
      }));
    const options = def.options.map(({ label }, i) => h("label", {}, this.inputs[i], h("span", {}, label)));
    this.root = h("div", { class: "inv-row inv-choice inv-boxes", "data-control": def.name },
      h("span", { "aria-hidden": "true" }, def.label),
      h("div", { class: "inv-options", role: "group", "aria-label": def.label }, ...options));
  }

  update() {}

  show(values) {
    this.ticked = [...values];
    for (const input of this.inputs) input.checked = values.includes(input.value);
  }

  enable(yes) {
    for (const input of this.inputs) input.disabled = !yes;
  }
}

const MADE_OF = { slider: Slider, choice: Choice, ticks: Ticks };

const structure = (header) =>
  JSON.stringify([
    header.controls
      .filter(({ kind }) => kind in MADE_OF || kind === "preset")
      .map(({ kind, name, group, label, options }) => [kind, name, group, label, options]),
    Boolean(header.steps),
  ]);

export class Controls {
  /** on: { hold, release, preview, commit, action, step..., see stage.js } */
  constructor(on) {
    this.on = on;
    this.body = h("div", { class: "inv-knobs" });
    this.buttons = h("div", { class: "inv-buttons" });
    this.progress = h("div", { class: "inv-progress", role: "status" }, h("span"), h("i", {}, h("b")));
    this.jobs = h("div", { class: "inv-jobs" }, this.buttons, this.progress);
    this.root = h("div", { class: "inv-controls" }, this.jobs, this.body);
    this.made = "";
    this.named = new Map();
  }

  build(header) {
    this.named.clear();
    this.body.replaceChildren();
    this.presets = [];
    this.steps = header.steps ? new StepRow(this.on.step) : null;
    const groups = new Map();
    const into = (name) => {
      if (!groups.has(name)) groups.set(name, h("div", { class: "inv-group", "data-group": name }));
      return groups.get(name);
    };
    const row = h("div", { class: "inv-presets" });
    for (const def of header.controls) {
      if (def.kind === "preset") {
        const button = h("button", { type: "button", class: "inv-quiet" }, def.label);
        button.addEventListener("click", () => this.on.preset(button.__settings));
        this.presets.push(button);
        row.append(button);
      } else if (def.kind in MADE_OF) {
        const hand = {
          hold: () => this.on.hold(def.name), release: () => this.on.release(def.name),
          preview: (value) => this.on.preview(def.name, value),
          commit: (value) => this.on.commit(def.name, value),
        };
        const control = new MADE_OF[def.kind](def, hand);
        this.named.set(def.name, control);
        into(def.group || "main").append(control.root);
      }
    }
    // Only the main controls stay in sight: what is tuned rarely must not take its room from the figure.
    const folded = [...groups].filter(([name]) => name !== "main").map(([name, block]) =>
      h("details", { class: "inv-more" }, h("summary", {}, name === "more" ? "More settings" : name), block));
    const blocks = groups.has("main") ? [groups.get("main")] : [];
    if (folded.length) blocks.push(h("div", { class: "inv-folds" }, ...folded));
    if (row.childElementCount) (groups.get("main") ?? this.body).append(row);
    this.body.prepend(...(this.steps ? [this.steps.root] : []), ...blocks);
  }

  /** Definitions of this picture; values come by `show`. */
  update(header, model) {
    const wanted = structure(header);
    if (wanted !== this.made) {
      this.made = wanted;
      this.build(header);
    }
    const presets = header.controls.filter(({ kind }) => kind === "preset");
    this.presets.forEach((button, i) => (button.__settings = presets[i].settings));
    for (const def of header.controls) {
      this.named.get(def.name)?.update(def, model.sweepValues(def.name), model.numbers);
    }
    this.steps?.update(header.steps);
    this.showJob(header);
    this.enable(!header.veiled);
  }

  measure() {
    for (const control of this.named.values()) control.measure?.();
  }

  numbers(header, numbers) {
    for (const def of header.controls) if (def.kind === "slider") this.named.get(def.name)?.place(numbers);
  }

  show(settings, held) {
    for (const [name, control] of this.named) {
      if (!held.has(name) && settings[name] !== undefined) control.show(settings[name]);
    }
  }

  showJob({ actions, progress }) {
    const wanted = JSON.stringify(actions);
    if (wanted !== this.actions) {
      this.actions = wanted;
      // The same buttons stay where names stay, so that a click is never lost between press and release.
      const old = new Map([...this.buttons.children].map((button) => [button.dataset.action, button]));
      this.buttons.replaceChildren(...actions.map((action) => {
        const button = old.get(action.name) ??
          h("button", { type: "button", "data-action": action.name, onclick: () => this.on.action(action.name) });
        say(button, action.label);
        put(button, { class: action.primary ? "inv-primary" : "inv-plain", title: action.title || null });
        button.disabled = Boolean(action.disabled);
        return button;
      }));
    }
    const [text, bar] = this.progress.children;
    this.progress.hidden = !progress;
    this.jobs.hidden = !progress && !actions.length;
    if (!progress) return;
    say(text, progress.text ?? "");
    put(this.progress, { "data-tone": progress.tone ?? "normal" });
    bar.hidden = progress.fraction === null || progress.fraction === undefined;
    bar.firstElementChild.style.width = `${100 * (progress.fraction ?? 0)}%`;
  }

  enable(yes) {
    for (const control of this.named.values()) control.enable(yes);
    for (const button of this.presets) button.disabled = !yes;
    this.steps?.enable(yes);
    for (const button of this.buttons.children) {
      const action = JSON.parse(this.actions).find(({ name }) => name === button.dataset.action);
      button.disabled = !yes || Boolean(action?.disabled);
    }
  }
}
