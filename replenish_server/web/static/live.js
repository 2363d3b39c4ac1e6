// Keeps the parts marked data-live fresh by loading the same page again. It owns nothing else: without it, the
// page works, and a reload shows the same. It must never touch a form that somebody is using.
"use strict";

(() => {
  const EVERY_MS = 2000;
  const GIVE_UP_MS = 8000;
  const address = document.body.dataset.refresh;
  const lost = document.getElementById("lost");
  const signedOut = document.getElementById("signed-out");
  let failures = 0;

  const inUse = (part) => part.querySelector("form:hover, form:focus-within, :active") !== null;

  // Swaps the content, and keeps what the person has: the focus and the opened details, both known by id.
  const swap = (part, fresh) => {
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    const opened = [...part.querySelectorAll("details[open][id]")].map((details) => details.id);
    part.className = fresh.className;
    part.hidden = fresh.hidden;
    part.replaceChildren(...fresh.childNodes);
    opened.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  };

  const refresh = async () => {
    const answer = await fetch(address, {
      headers: { accept: "text/html" },
      cache: "no-store",
      redirect: "manual",
      signal: AbortSignal.timeout(GIVE_UP_MS),
    });
    if (signedOut) signedOut.hidden = answer.type !== "opaqueredirect";
    if (answer.type === "opaqueredirect") return;
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const fresh = page.querySelector(`[data-live="${CSS.escape(part.dataset.live)}"]`);
      const changed = fresh && (fresh.innerHTML !== part.dataset.seen || fresh.className !== part.className);
      if (!changed || inUse(part)) continue;
      part.dataset.seen = fresh.innerHTML;
      swap(part, fresh);
    }
  };

  const tick = async () => {
    if (!document.hidden) {
      try {
        await refresh();
        failures = 0;
      } catch {
        failures += 1; // one failure is a hiccup; the second in a row is said
      }
      lost.hidden = failures < 2;
    }
    setTimeout(tick, EVERY_MS);
  };

  setTimeout(tick, EVERY_MS);
})();
