// Small comforts. Everything works without them.
(() => {
  // A second press of a button sends nothing: the server would ignore it, the person should not wonder.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); event.stopImmediatePropagation(); return; }
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 4000);
  }, true);
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((f) => delete f.dataset.sent));

  // What was typed and not sent survives a closed tab and a lost connection, on this device only. What was sent is
  // forgotten when the next page is there, and everything when somebody signs out or deletes.
  const place = () => `draft ${location.pathname} `;
  const key = (field) => place() + field.dataset.draft;
  const typed = (root) => [...root.querySelectorAll("[data-draft]")];
  const forget = (wanted) => Object.keys(localStorage).filter(wanted).forEach((each) => localStorage.removeItem(each));
  const restore = () => {
    try {
      const here = new Set(typed(document).map(key)), gone = JSON.parse(sessionStorage.getItem("sent") || "[]");
      sessionStorage.removeItem("sent");
      forget((each) => !here.has(each) && (each.startsWith(place()) || gone.includes(each)));
      typed(document).forEach((field) => {
        const kept = localStorage.getItem(key(field));
        if (kept !== null && field.value === field.defaultValue) field.value = kept;
      });
    } catch { /* private windows may forbid it */ }
  };
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (field.dataset.draft) try { localStorage.setItem(key(field), field.value); } catch { /* so be it */ }
  });
  document.addEventListener("submit", (event) => {
    try {
      if ("forgets" in event.target.dataset) forget((each) => each.startsWith("draft "));
      else sessionStorage.setItem("sent", JSON.stringify(typed(event.target).map(key)));
    } catch { /* so be it */ }
  });
  restore();
  document.addEventListener("htmx:afterSettle", () => { sent(true); restore(); });

  // What could not be sent is said, and stays in the box.
  const sent = (well) => { const note = document.getElementById("not-sent"); if (note) note.hidden = well; };
  for (const trouble of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.addEventListener(trouble, (event) => { sent(false); delete event.target.dataset?.sent; });
  }

  // A secret that came in the fragment is put into its field, and out of the address bar.
  const secret = document.querySelector("[data-from-fragment]");
  if (secret && location.hash.length > 1) {
    secret.value = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname + location.search);
  }
  document.querySelectorAll("[data-copy]").forEach((button) => {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
      button.textContent = button.dataset.copied;
    });
  });
  // A choice made by pointer is sent at once. By keyboard one passes over choices, so the button comes back for that.
  document.querySelectorAll("select[data-submits]").forEach((select) => {
    const button = select.form.querySelector("button");
    button.hidden = true;
    select.addEventListener("keydown", (event) => { if (event.key !== "Tab") button.hidden = false; });
    select.addEventListener("change", () => { if (button.hidden) select.form.requestSubmit(); });
  });
})();
