// Sentences about links and values, and small helpers to build elements. Text only ever enters the page as text.
const words = (() => {
  "use strict";

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "onclick") made.addEventListener("click", value);
      else if (value !== undefined && value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return made;
  }

  const count = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many ?? one + "s"}`;
  const percent = (share) => `${Math.round(100 * share)}\u00a0%`;

  // What one group answered about a link; everyone's answers where no group is chosen.
  function evidence(link, group) {
    if (!group) {
      return { wiser: link.counts[0], total: link.total, people: link.people, entropy: link.entropy, low: link.low, high: link.high };
    }
    const found = link.groups.find((one) => `${one.attribute}: ${one.group}` === group);
    if (!found || !found.total) return null;
    const [low, high] = wilson(found.wiser, found.total);
    const share = found.wiser / found.total;
    // Only "wiser" and "anything else" are known by group: at most one bit, doubled to share the scale of four answers.
    const entropy = 2 * [share, 1 - share].reduce((sum, p) => sum - (p ? p * Math.log2(p) : 0), 0);
    return { wiser: found.wiser, total: found.total, people: found.people, entropy, low, high };
  }

  function wilson(k, n) {
    const z = 1.959964;
    const centre = (k + (z * z) / 2) / (n + z * z);
    const half = (z / (n + z * z)) * Math.sqrt((k * (n - k)) / n + (z * z) / 4);
    return [Math.max(0, centre - half), Math.min(1, centre + half)];
  }

  function linkSentence(link, titles, group) {
    const seen = evidence(link, group);
    if (!seen) return `Nobody in ${group} was asked about this link.`;
    const whose = group ? `, among ${group}` : "";
    if (!seen.total) return "Nobody has compared the two.";
    return (
      `${seen.wiser} of ${count(seen.total, "judgement")} found “${titles[link.wiser]}” wiser than ` +
      `“${titles[link.source]}”${whose}: ${percent(seen.wiser / seen.total)} ` +
      `(95\u00a0% interval ${Math.round(100 * seen.low)} to ${Math.round(100 * seen.high)}\u00a0%).`
    );
  }

  function caution(link, group, thin) {
    const seen = evidence(link, group);
    if (!seen || !seen.total) return "";
    if (seen.total < thin) return `Only ${count(seen.total, "judgement")}: take it as a hint.`;
    if (seen.low <= 0.5 && seen.high >= 0.5) return "The interval includes one half: it may be chance.";
    return "";
  }

  function bar(link) {
    const names = ["wiser", "not wiser", "less wise", "unsure"];
    const classes = ["wiser", "not", "less", "unsure"];
    const strip = element("div", { class: "bar", "aria-hidden": "true" });
    const key = element("div", { class: "key" });
    link.counts.forEach((number, at) => {
      if (number) {
        const piece = element("i", { class: classes[at] });
        piece.style.flexGrow = number;
        strip.append(piece);
      }
      key.append(element("i", { class: classes[at], "aria-hidden": "true" }), element("span", {}, names[at]), element("b", {}, String(number)));
    });
    return [strip, key];
  }

  function numbers(pairs) {
    const list = element("dl", { class: "numbers" });
    for (const [name, value] of pairs) {
      if (value !== null && value !== undefined && value !== "") list.append(element("dt", {}, name), element("dd", {}, String(value)));
    }
    return list;
  }

  return { element, count, percent, evidence, linkSentence, caution, bar, numbers };
})();
