/**
 * A button per category, with its colour; pressed, it shows only that one.
 * @param {HTMLElement} legend @param {string[]} names @param {Map<string, string>} colours @param {(name: string | null) => void} onOnly
 */
export function mountLegend(legend, names, colours, onOnly) {
  for (const name of names) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "chip";
    button.setAttribute("aria-pressed", "false");
    const dot = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    dot.setAttribute("viewBox", "0 0 2 2");
    dot.setAttribute("aria-hidden", "true");
    const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    for (const [key, value] of Object.entries({ cx: "1", cy: "1", r: "1", fill: colours.get(name) ?? "grey" })) circle.setAttribute(key, value);
    dot.append(circle);
    button.append(dot, name || "without a category");
    button.addEventListener("click", () => {
      const pressed = button.getAttribute("aria-pressed") === "true";
      for (const other of legend.querySelectorAll("button")) other.setAttribute("aria-pressed", "false");
      button.setAttribute("aria-pressed", String(!pressed));
      onOnly(pressed ? null : name);
    });
    legend.append(button);
  }
}
