// Returns [contrast by WCAG 2.2, which text] of every visible text, in the open dialog or on the page.
() => {
  const parse = (color) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (rgb) => {
    const [r, g, b] = rgb
      .slice(0, 3)
      .map((c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const color = parse(getComputedStyle(node).backgroundColor);
      if (color[3] === 255) return color;
    }
    return parse(getComputedStyle(document.body).backgroundColor);
  };
  const root = document.querySelector("dialog[open]") ?? document.body;
  const found = [];
  const add = (node, pseudo) => {
    const [one, other] = [light(parse(getComputedStyle(node, pseudo).color)), light(ground(node))].sort(
      (a, b) => b - a,
    );
    found.push([
      (one + 0.05) / (other + 0.05),
      node.tagName + "." + node.className + " " + node.textContent.slice(0, 30),
    ]);
  };
  for (const node of root.querySelectorAll("*")) {
    if (
      !node.checkVisibility({ visibilityProperty: true }) ||
      node.closest(".hidden, .skip, noscript, :disabled")
    )
      continue;
    if (node.placeholder) add(node, "::placeholder");
    if ([...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())) add(node);
  }
  return found;
};
