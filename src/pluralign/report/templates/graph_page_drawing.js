// The drawing: layout, styles, hover, keyboard. Knows which links to show; not how they were chosen, nor the panel.
const drawing = (() => {
  "use strict";
  const MOST_LINKS = 300; // beyond this a drawing shows nothing any more, and the layout takes many seconds
  const MOST_ROUTED = 30; // in a thicket, straight lines are easier to follow than long bends
  const WIDTH = 168, LINE = 18, SIZE = 14, HEAD = 34, PAD = 30, BESIDE = 96, TOP = 18;
  const ZOOM = 0.76, LEAST_ZOOM = 0.25, TALLEST = 6000;
  const NARROW = 560; // below this many pixels values stand in one column, and links are arcs beside it
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");

  function create(options) {
    const { box, stage, panel, paper, tip, direction, describe, onSelect, onFocus } = options;
    const ruler = document.createElement("canvas").getContext("2d");
    let focused = null, hideTimer = 0, lastWidth = 0;

    const cy = cytoscape({
      container: box, minZoom: 0.08, maxZoom: 2.5, autoungrabify: true, boxSelectionEnabled: false, style: [],
      pixelRatio: Math.min(2, window.devicePixelRatio || 1), // a tall drawing must stay below the canvas limit of telephones
      // A wheel that zooms would trap whoever scrolls the page; with Ctrl, and as a pinch, it still does.
      userZoomingEnabled: window.matchMedia("(pointer: coarse)").matches,
    });
    box.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const frame = box.getBoundingClientRect();
      const place = { x: event.clientX - frame.left, y: event.clientY - frame.top };
      cy.zoom({ level: cy.zoom() * Math.exp(-event.deltaY / 300), renderedPosition: place });
    }, { passive: false });

    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

    function restyle() {
      const ink = colour("ink"), surface = colour("surface"), tint = colour("tint"), line = colour("edge");
      cy.style()
        .fromJson([
          { selector: "node", style: {
            shape: "round-rectangle", width: WIDTH, height: "data(height)", label: "data(label)",
            "text-valign": "center", "text-halign": "center", "text-wrap": "wrap", "text-max-width": WIDTH - 18,
            "font-size": SIZE, "line-height": 1.25, "font-family": family(), color: ink,
            "background-color": (node) => blend(surface, tint, node.data("tint")),
            "border-width": 1.2, "border-color": colour("soft"), "corner-radius": 8,
          } },
          { selector: "node.first", style: { "border-width": 3.5, "border-color": colour("accent"), "font-weight": 600 } },
          { selector: "node.shaky", style: { "border-style": "dashed", "border-dash-pattern": [7, 4], "font-weight": 400 } },
          { selector: "node.match", style: { "underlay-color": colour("focus"), "underlay-opacity": 0.35, "underlay-padding": 7 } },
          { selector: "node.heading", style: {
            shape: "rectangle", "background-opacity": 0, "border-width": 0, events: "no", height: HEAD, width: "data(width)",
            "font-size": 16, "font-weight": 600, color: ink, "text-halign": "center", "text-max-width": 400,
          } },
          { selector: "edge", style: {
            width: "data(width)", "line-color": line, "target-arrow-color": line, "target-arrow-shape": "triangle",
            "arrow-scale": (edge) => 0.75 + 1.1 / edge.data("width"), "curve-style": "bezier", "line-opacity": "data(fade)",
            "target-distance-from-node": 3, "font-family": family(),
          } },
          { selector: "edge.routed", style: {
            "curve-style": "unbundled-bezier", "edge-distances": "intersection",
            "control-point-weights": (edge) => edge.scratch("controlPointWeights"),
            "control-point-distances": (edge) => edge.scratch("controlPointDistances"),
          } },
          { selector: "edge.arc", style: {
            "curve-style": "unbundled-bezier", "control-point-weights": 0.5, "control-point-distances": "data(bulge)",
            "edge-distances": "endpoints", "source-endpoint": `${WIDTH / 2}px 0px`, "target-endpoint": `${WIDTH / 2 + 3}px 0px`,
          } },
          { selector: "edge.labelled", style: {
            label: "data(label)", "font-size": 11.5, color: ink, "text-background-color": surface,
            "text-background-opacity": 0.92, "text-background-padding": 2.5, "text-background-shape": "round-rectangle",
          } },
          { selector: "edge.thin", style: { "line-style": "dashed", "line-dash-pattern": [7, 4] } },
          { selector: "edge.rejected", style: { "line-style": "dotted", "line-color": colour("soft"), "target-arrow-color": colour("soft") } },
          { selector: "edge.against", style: { "line-color": colour("not"), "target-arrow-color": colour("not") } },
          { selector: ".far", style: { opacity: (item) => (item.isNode() ? 0.3 : 0.1) } },
          { selector: "node.chosen", style: { "border-width": 4, "border-color": colour("focus") } },
          { selector: "edge.chosen", style: { "line-opacity": 1, "line-color": colour("focus"), "target-arrow-color": colour("focus"), "z-index": 9 } },
          { selector: ".focused", style: { "underlay-color": colour("focus"), "underlay-opacity": 0.55, "underlay-padding": 6 } },
        ])
        .update();
    }

    function blend(from, to, share) {
      const read = (text) => text.match(/[\da-f]{2}/gi).map((part) => parseInt(part, 16));
      const [a, b] = [read(from), read(to)];
      return `rgb(${a.map((part, at) => Math.round(part + (b[at] - part) * share)).join(",")})`;
    }

    function wrapped(text) {
      ruler.font = `600 ${SIZE}px ${family()}`;
      let lines = 1, length = 0;
      for (const word of text.split(/\s+/)) {
        const width = ruler.measureText(word + " ").width;
        if (length && length + width > WIDTH - 18) { lines += 1; length = width; } else length += width;
        if (width > WIDTH - 18) lines += Math.floor(width / (WIDTH - 18));
      }
      return lines;
    }

    // sections: {heading, values: [{id, title, tint 0-1, first, shaky, match}], links: [{id, source, wiser, total, entropy,
    // against, kept, thin, label}]}. A value or link may stand in several sections; its id is then drawn several times.
    function show(sections) {
      const all = new Map(sections.flatMap((section) => section.links.map((link) => [link.id, link])));
      const drawn = new Set([...all.values()].sort((a, b) => b.total - a.total).slice(0, MOST_LINKS).map((link) => link.id));
      cy.startBatch();
      cy.elements().remove();
      sections.forEach((section, number) => {
        const links = section.links.filter((link) => drawn.has(link.id));
        const ends = new Set(links.flatMap((link) => [link.source, link.wiser]));
        if (section.heading && links.length) {
          ruler.font = `600 16px ${family()}`;
          cy.add({ group: "nodes", classes: ["heading"], data: { id: `h:${number}`, section: number, label: section.heading, ref: "", tint: 0, width: ruler.measureText(section.heading).width + 8 } });
        }
        cy.add(section.values.filter((value) => ends.has(value.id)).map((value) => ({
          group: "nodes", classes: [value.first ? "first" : "", value.shaky ? "shaky" : "", value.match ? "match" : ""],
          data: { id: `v:${number}:${value.id}`, ref: `v:${value.id}`, section: number, label: value.title, tint: value.tint, height: wrapped(value.title) * LINE + 16 },
        })));
        cy.add(links.map((link) => ({
          group: "edges",
          classes: [link.thin ? "thin" : "", link.kept ? "" : "rejected", link.against ? "against" : "", all.size <= 30 ? "labelled" : ""],
          data: {
            id: `e:${number}:${link.id}`, ref: `e:${link.id}`, section: number, label: link.label,
            source: `v:${number}:${link.source}`, target: `v:${number}:${link.wiser}`,
            width: Math.min(13, 1.1 + Math.sqrt(link.total) * 0.85), fade: 1 - 0.36 * Math.min(2, link.entropy),
          },
        })));
      });
      cy.endBatch();
      focused = null;
      arrange();
      return { drawn: drawn.size, left: all.size - drawn.size };
    }

    const values = () => cy.nodes().not(".heading");
    const family = () => getComputedStyle(document.body).fontFamily;

    // Every section is laid out for itself; sections then share the width, and the stage takes the height it needs.
    function arrange() {
      lastWidth = box.clientWidth;
      const narrow = lastWidth < NARROW;
      if (!cy.nodes().length || !lastWidth) return;
      const gap = narrow ? 40 : 54, room = lastWidth - 2 * PAD;
      let upright = narrow, blocks = layout(upright);
      // From left to right as long as that can be read; else upwards, where that needs less width.
      const broadest = (some) => Math.max(...some.map((block) => block.w));
      if (!narrow && room / broadest(blocks) < ZOOM) {
        const broad = broadest(blocks);
        upright = true;
        blocks = layout(upright);
        if (broadest(blocks) > broad) { upright = false; blocks = layout(upright); }
      }
      if (narrow) blocks.forEach(stack);
      direction.textContent = upright ? "wiser ↑" : "wiser →";
      const widest = broadest(blocks);
      // Smaller words buy a shorter page: the width at which that trade is best.
      const plans = (narrow ? [1] : [1, 0.92, 0.86, 0.8, ZOOM]).map((zoom) => plan(blocks, Math.max(room / zoom, widest), gap));
      const price = ({ width, height }) => height * Math.max(1, width / room) ** -0.3;
      carryOut(plans.reduce((best, one) => (price(one) < price(best) ? one : best)));
      place();
    }

    function layout(upright) {
      const labelled = cy.edges(".labelled").nonempty();
      const numbers = [...new Set(cy.nodes().map((node) => node.data("section")))];
      cy.edges().removeClass("arc routed");
      return numbers.map((number) => {
        const part = cy.elements().filter((item) => item.data("section") === number && !item.hasClass("heading"));
        part.components().forEach((piece) => piece.layout({
          name: "dagre", rankDir: upright ? "BT" : "LR", nodeSep: labelled ? 26 : upright ? 16 : 12, edgeSep: 12,
          rankSep: upright ? (labelled ? 64 : 46) : labelled ? 104 : 60,
          ranker: piece.edges().length > 100 ? "longest-path" : "network-simplex",
          fit: false, animate: false, useDagreEdgeControlPoints: true, automaticDagreEdgeStyle: false,
          sort: (a, b) => (a.id() < b.id() ? -1 : a.id() > b.id() ? 1 : 0),
        }).run());
        if (part.edges().length <= MOST_ROUTED) part.edges().forEach((edge) => edge.toggleClass("routed", blocked(edge, edge.source().component().nodes())));
        gather(part);
        return measured({ part, heading: cy.getElementById(`h:${number}`) });
      });
    }

    // A link is straight unless another value stands in the way; then it goes round, where the layout left room.
    function blocked(edge, nodes) {
      const a = edge.source().position(), b = edge.target().position(), margin = 5;
      return nodes.some((node) => {
        if (node.same(edge.source()) || node.same(edge.target())) return false;
        const at = node.position(), w = WIDTH / 2 + margin, h = node.data("height") / 2 + margin;
        // Clip the segment by the four sides in turn (Liang and Barsky).
        let from = 0, to = 1;
        for (const [step, room] of [[a.x - b.x, a.x - at.x + w], [b.x - a.x, at.x + w - a.x], [a.y - b.y, a.y - at.y + h], [b.y - a.y, at.y + h - a.y]]) {
          if (step === 0) { if (room < 0) return false; }
          else if (step < 0) from = Math.max(from, room / step);
          else to = Math.min(to, room / step);
        }
        return from < to;
      });
    }

    // Parts of a section that no link joins move together, so that they leave no holes.
    function gather(part) {
      const pieces = part.components().map((piece) => {
        const size = piece.nodes().boundingBox({ includeLabels: false, includeOverlays: false });
        return { part: piece, size, w: size.w, h: size.h, top: 0, heading: cy.collection() };
      });
      if (pieces.length < 2) return;
      const area = pieces.reduce((sum, piece) => sum + (piece.w + 22) * (piece.h + 22), 0);
      const widest = Math.max(...pieces.map((piece) => piece.w));
      carryOut(plan(pieces, Math.max(widest, Math.min((lastWidth - 2 * PAD) / ZOOM, Math.sqrt(area * 2.2))), 22));
    }

    function measured(block) {
      block.size = block.part.nodes().boundingBox({ includeLabels: false, includeOverlays: false });
      block.top = block.heading.nonempty() ? HEAD : 0;
      const beside = block.part.edges(".arc").nonempty() ? BESIDE : 0;
      block.w = Math.max(block.size.w + beside, block.heading.nonempty() ? block.heading.data("width") : 0);
      block.h = block.size.h + block.top;
      return block;
    }

    // The zoom at which the words can be read, the height that takes, and everything in the middle of the width.
    function place(animate = false) {
      const size = cy.nodes().boundingBox({ includeLabels: false, includeOverlays: false });
      const beside = cy.edges(".arc").nonempty() ? BESIDE : 0;
      const room = lastWidth - 2 * PAD;
      const stageHeight = () => box.clientHeight - 2 * PAD;
      let zoom = Math.min(1.15, Math.max(LEAST_ZOOM, room / (size.w + beside)));
      stage.style.height = `${Math.min(TALLEST, Math.max(shortest(), size.h * zoom + 2 * PAD + 34))}px`;
      cy.resize();
      if (size.h * zoom > stageHeight()) zoom = Math.max(0.2, Math.min(zoom, stageHeight() / size.h));
      const free = box.clientHeight - size.h * zoom;
      const pan = {
        x: Math.max(PAD, (lastWidth - (size.w + beside) * zoom) / 2) - size.x1 * zoom,
        y: (free > 4 * PAD ? free / 2 : PAD + TOP) - size.y1 * zoom,
      };
      if (animate && !still.matches) cy.animate({ zoom, pan }, { duration: 220 }); else cy.viewport({ zoom, pan });
    }

    const shortest = () => (lastWidth < NARROW ? 320 : Math.max(440, Math.min(700, window.innerHeight - 250)));

    // One column, the wisest on top, links as arcs on its right: what a telephone can show without tiny letters.
    function stack(block) {
      const { part } = block;
      const pieces = part.components().sort((a, b) => b.length - a.length || (a.nodes()[0].id() < b.nodes()[0].id() ? -1 : 1));
      const order = pieces.flatMap((piece) => piece.nodes().sort((a, b) => a.position("y") - b.position("y") || a.position("x") - b.position("x")).toArray());
      let y = 0;
      order.forEach((node) => { node.position({ x: 0, y: y + node.data("height") / 2 }); y += node.data("height") + 16; });
      part.edges().removeClass("routed").addClass("arc").forEach((edge) => {
        const far = edge.source().position("y") - edge.target().position("y");
        edge.data("bulge", Math.sign(far) * Math.min(84, 22 + Math.abs(far) * 0.16));
      });
      measured(block);
    }

    // Each block goes to the highest free place, the leftmost of equals; big blocks first.
    function plan(blocks, width, gap) {
      const order = [...blocks].sort((a, b) => b.h * b.w - a.h * a.w || (a.part.nodes()[0].id() < b.part.nodes()[0].id() ? -1 : 1));
      const placed = [];
      for (const block of order) {
        const xs = [0, ...placed.map((other) => other.x + other.block.w + gap)].filter((x) => x + block.w <= width + 1);
        let best = null;
        for (const x of xs.length ? xs : [0]) {
          const under = placed.filter((other) => other.x < x + block.w + gap && x < other.x + other.block.w + gap);
          const y = Math.max(0, ...under.map((other) => other.y + other.block.h + gap));
          if (!best || y < best.y || (y === best.y && x < best.x)) best = { x, y };
        }
        placed.push({ ...best, block });
      }
      const far = (end) => Math.max(...placed.map(end));
      return { placed, width: far((one) => one.x + one.block.w), height: far((one) => one.y + one.block.h) };
    }

    function carryOut({ placed }) {
      for (const { block, x, y } of placed) {
        block.part.nodes().shift({ x: x - block.size.x1, y: y + block.top - block.size.y1 });
        if (block.heading.nonempty()) block.heading.position({ x: x + block.heading.data("width") / 2 - 4, y: y + HEAD / 2 - 8 });
      }
    }

    const fit = () => place(true);

    function zoomBy(factor) {
      const level = Math.max(cy.minZoom(), Math.min(cy.maxZoom(), cy.zoom() * factor));
      const middle = { x: box.clientWidth / 2, y: box.clientHeight / 2 };
      if (still.matches) cy.zoom({ level, renderedPosition: middle });
      else cy.animate({ zoom: { level, renderedPosition: middle } }, { duration: 140 });
    }

    const drawings = (ref) => cy.elements().filter((item) => ref !== "" && item.data("ref") === ref);

    function choose(ref, show = true) {
      cy.elements().removeClass("chosen far");
      const items = drawings(ref);
      if (!items.length) return;
      const near = items.nodes().closedNeighborhood().union(items).union(items.edges().connectedNodes());
      cy.elements().not(near).not(".heading").addClass("far");
      items.addClass("chosen");
      if (show && !items.some((item) => inView(item))) reveal(items[0]);
    }

    function inView(item) {
      const size = item.renderedBoundingBox({ includeOverlays: false }), frame = box.getBoundingClientRect();
      return size.x1 >= 0 && size.x2 <= frame.width && size.y1 + frame.top >= 0 && size.y2 + frame.top <= window.innerHeight - covered();
    }

    // The sheet that covers the foot of a small screen while something is chosen.
    const covered = () => (getComputedStyle(panel).position === "fixed" ? panel.offsetHeight : 0);

    function reveal(item) {
      cy.stop();
      const size = item.renderedBoundingBox({ includeOverlays: false });
      if (size.x1 < 0 || size.x2 > box.clientWidth || size.y1 < 0 || size.y2 > box.clientHeight) cy.center(item);
      const middle = item.renderedBoundingBox().y1 + box.getBoundingClientRect().top;
      const free = window.innerHeight - covered();
      if (middle < 60 || middle > free - 90) window.scrollBy({ top: middle - free / 2, behavior: still.matches ? "auto" : "smooth" });
    }

    function showTip(item) {
      clearTimeout(hideTimer);
      const { heading, text } = describe(item.data("ref"));
      tip.replaceChildren(words.element("strong", {}, heading), text);
      tip.hidden = false;
      const size = item.isNode() ? item.renderedBoundingBox({ includeOverlays: false }) : null;
      const middle = item.isNode() ? item.renderedPosition() : item.renderedMidpoint();
      const below = (size ? size.y2 : middle.y) + 10, above = (size ? size.y1 : middle.y) - 10 - tip.offsetHeight;
      const left = Math.max(8, Math.min(box.clientWidth - tip.offsetWidth - 8, middle.x - tip.offsetWidth / 2));
      const top = below + tip.offsetHeight < box.clientHeight ? below : above > 8 ? above : box.clientHeight - tip.offsetHeight - 8;
      tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(Math.max(8, top))}px)`;
      tip.style.left = "0"; tip.style.top = "0";
    }

    function hideTip(soon = true) {
      clearTimeout(hideTimer);
      hideTimer = setTimeout(() => { tip.hidden = true; }, soon ? 120 : 0);
    }

    function focusOn(item) {
      if (focused) focused.removeClass("focused");
      focused = item;
      if (!item) return;
      item.addClass("focused");
      if (!inView(item)) reveal(item);
      showTip(item);
      onFocus(item.data("ref"));
    }

    // The nearest value or link in the direction of the arrow; being off to the side counts double.
    function step(dx, dy) {
      const place = (item) => (item.isNode() ? item.position() : item.midpoint());
      const from = place(focused);
      let best = null, cost = Infinity;
      cy.elements().forEach((item) => {
        if (item.same(focused) || item.hasClass("heading")) return;
        const to = place(item), x = to.x - from.x, y = to.y - from.y;
        const ahead = x * dx + y * dy, aside = Math.abs(x * dy) + Math.abs(y * dx);
        if (ahead <= 1) return;
        const joined = item.isEdge() ? item.connectedNodes().contains(focused) : focused.isEdge() && focused.connectedNodes().contains(item);
        const price = (ahead + 2 * aside) * (joined ? 0.6 : 1);
        if (price < cost) { cost = price; best = item; }
      });
      if (best) focusOn(best);
    }

    const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    box.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in ARROWS) {
        if (focused) step(...ARROWS[event.key]); else focusFirst();
      } else if (event.key === "Enter" || event.key === " ") {
        if (focused) onSelect(focused.data("ref"), true);
      } else if (event.key === "Escape") {
        if (!tip.hidden) hideTip(false); else onSelect("");
      } else if (event.key === "+" || event.key === "=") zoomBy(1.3);
      else if (event.key === "-") zoomBy(1 / 1.3);
      else if (event.key === "0" || event.key === "Home") fit();
      else return;
      event.preventDefault();
    });
    function focusFirst() {
      const first = [cy.$(".chosen"), values().filter(".match"), values().filter(".first"), values()].find((found) => found.nonempty());
      if (first) focusOn(first[0]);
    }
    box.addEventListener("focus", () => { if (!focused && box.matches(":focus-visible")) focusFirst(); });
    box.addEventListener("blur", () => { if (focused) focused.removeClass("focused"); focused = null; hideTip(); });

    cy.on("mouseover", "node, edge", (event) => { box.style.cursor = "pointer"; showTip(event.target); });
    cy.on("mouseout", "node, edge", () => { box.style.cursor = ""; hideTip(); });
    tip.addEventListener("mouseenter", () => clearTimeout(hideTimer));
    tip.addEventListener("mouseleave", () => hideTip());
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(false); });
    cy.on("tap", (event) => onSelect(event.target === cy ? "" : event.target.data("ref")));
    cy.on("pan zoom", () => { if (!focused) hideTip(false); });

    new ResizeObserver(() => {
      if (box.clientWidth && box.clientWidth !== lastWidth) { cy.resize(); arrange(); }
    }).observe(box);
    // Paper gets a picture of the whole drawing in light colours, whatever part of it was on the screen.
    const root = document.documentElement;
    let theme;
    window.addEventListener("beforeprint", () => {
      theme = root.dataset.theme;
      root.dataset.theme = "light";
      restyle();
      if (cy.elements().length) {
        const blocks = layout(true), widest = Math.max(...blocks.map((block) => block.w));
        const plans = [900, 1200, 1600, 2000, 2600, 3400].map((width) => plan(blocks, Math.max(width, widest), 54));
        const misfit = ({ width, height }) => Math.abs(Math.log(height / width / 1.3)); // a page with room for the title
        carryOut(plans.reduce((best, one) => (misfit(one) < misfit(best) ? one : best)));
      }
      paper.src = cy.elements().length ? cy.png({ full: true, scale: 2, bg: "#ffffff", maxWidth: 5000, maxHeight: 7000 }) : "data:,";
    });
    window.addEventListener("afterprint", () => {
      if (theme) root.dataset.theme = theme; else delete root.dataset.theme;
      restyle();
      arrange();
    });
    restyle();
    return { show, choose, fit, zoomBy, restyle, cy };
  }

  return { create };
})();
