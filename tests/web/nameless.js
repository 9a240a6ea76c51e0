// Returns the markup of each control that has no accessible name.
() =>
  [...document.querySelectorAll("button, a, input, textarea, summary, dialog, [role=region]")]
    .filter((node) => {
      const labelled = (node.getAttribute("aria-labelledby") ?? "")
        .split(" ")
        .map((id) => document.getElementById(id)?.textContent ?? "")
        .join("");
      const label = node.labels?.[0]?.textContent ?? "";
      const own = node.tagName === "DIALOG" ? "" : node.innerText || node.textContent;
      return ![node.getAttribute("aria-label"), labelled, label, own].some((name) => name?.trim());
    })
    .map((node) => node.outerHTML);
