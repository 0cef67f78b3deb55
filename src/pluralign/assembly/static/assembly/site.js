// Small comforts. Everything works without them.
(() => {
  // A second press of a button sends nothing: the server would ignore it, the person should not wonder.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 4000);
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((f) => delete f.dataset.sent));

  // What was typed and not sent survives a closed tab, on this device only.
  const key = (field) => "draft " + location.pathname + " " + field.dataset.draft;
  document.querySelectorAll("[data-draft]").forEach((field) => {
    try {
      const kept = localStorage.getItem(key(field));
      if (kept && !field.value) field.value = kept;
      field.addEventListener("input", () => localStorage.setItem(key(field), field.value));
      field.form.addEventListener("submit", () => localStorage.removeItem(key(field)));
    } catch { /* private windows may forbid it */ }
  });

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
  document.querySelectorAll("select[data-submits]").forEach((select) => {
    select.form.querySelector("button").hidden = true;
    select.addEventListener("change", () => select.form.requestSubmit());
  });
})();
