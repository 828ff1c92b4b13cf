// What the pages need beyond plain links and forms: changes at once, progress, dropped files, copied commands.
"use strict";

const main = () => document.getElementById("main");
const say = (text) => { document.getElementById("live").textContent = text; };
const NO_RESPONSE = "The importer is not responding. Start it again with: importer open";
let waiting = null;

/** Put the main part of a fetched page in the place of this one; focus and scrolling stay where they were. */
function show(html, address) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const next = page.getElementById("main");
  if (!next) { location.reload(); return; }
  const focused = document.activeElement && document.activeElement.id;
  const scrolled = [...document.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
  const opened = [...main().querySelectorAll("details[id][open]")].map((one) => one.id);
  main().replaceWith(document.adoptNode(next));
  document.title = page.title;
  document.querySelector("header.top").replaceWith(document.adoptNode(page.querySelector("header.top")));
  document.querySelectorAll(".scroll").forEach((one, at) => { one.scrollLeft = scrolled[at] || 0; });
  main().querySelectorAll("details[id]").forEach((one) => { one.open = one.open || opened.includes(one.id); });
  if (address) history.replaceState(null, "", address);
  const again = focused && document.getElementById(focused);
  if (again) again.focus({ preventScroll: true });
  const alert = main().querySelector('[role="alert"], [role="status"].note');
  if (alert) { say(alert.textContent.trim()); if (alert.getAttribute("role") === "alert") alert.scrollIntoView({ block: "nearest" }); }
  poll();
}

async function send(address, options) {
  main().setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, { ...options, headers: { Accept: "text/html" } })
      .catch(() => { throw new Error(NO_RESPONSE); });
    const kind = answer.headers.get("content-type") || "";
    if (!kind.startsWith("text/html")) throw new Error(await answer.text());
    show(await answer.text(), answer.ok && answer.redirected ? answer.url : null);
  } catch (error) {
    main().removeAttribute("aria-busy");
    complain(error.message);
  }
}

function complain(text) {
  let note = document.getElementById("complaint");
  if (!note) {
    note = document.createElement("p");
    note.id = "complaint";
    note.className = "note bad";
    note.setAttribute("role", "alert");
    main().prepend(note);
  }
  note.textContent = text;
}

function post(form, entries, address) {
  const body = new URLSearchParams();
  for (const [name, value] of entries) if (typeof value === "string") body.append(name, value);
  return send(address || form.action, { method: "POST", body });
}

/** Ask again for the parts that are still being computed. */
function poll() {
  clearTimeout(waiting);
  const parts = [...document.querySelectorAll("[data-poll]")];
  if (!parts.length) return;
  waiting = setTimeout(async () => {
    for (const part of parts) {
      try {
        const whole = part.hasAttribute("data-whole");
        const address = whole ? location.pathname + location.search : part.dataset.poll;
        const answer = await fetch(address);
        const html = await answer.text();
        if (whole) {
          if (!new DOMParser().parseFromString(html, "text/html").querySelector("#" + part.id + "[data-poll]")) { show(html); return; }
          continue;
        }
        const next = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
        const ended = part.dataset.state && next.dataset.state !== part.dataset.state;
        if (part.isConnected && !(ended && next.dataset.state !== "sending")) part.replaceWith(document.adoptNode(next));
        if (ended && next.dataset.state !== "sending") { await send(location.pathname + location.search, {}); return; }
        if (!next.hasAttribute("data-poll")) say("Ready.");
      } catch {
        complain(NO_RESPONSE);
      }
    }
    poll();
  }, 700);
}

document.addEventListener("change", (event) => {
  const field = event.target;
  if (field.matches('[data-drop] input[type="file"]')) { upload(field.closest("[data-drop]"), [...field.files]); return; }
  const form = field.form;
  if (!form || !form.hasAttribute("data-live")) return;
  const only = form.dataset.live === "field" || field.type === "radio";
  const entries = only
    ? [...form.querySelectorAll('input[type="hidden"]')].map((one) => [one.name, one.value]).concat([[field.name, field.value]])
    : [...new FormData(form)];
  post(form, entries);
});

document.addEventListener("submit", (event) => {
  const form = event.target, button = event.submitter;
  if (form.hasAttribute("data-leave") || !(form.hasAttribute("data-swap") || form.hasAttribute("data-live"))) return;
  event.preventDefault();
  const entries = [...new FormData(form)];
  if (button && button.name) entries.push([button.name, button.value]);
  const address = button && button.hasAttribute("formaction") ? button.formAction : form.action;
  if (form.method === "get") {
    const target = new URL(address);
    target.search = new URLSearchParams(entries).toString();
    history.replaceState(null, "", target);
    send(target, {});
  } else {
    if (button) button.disabled = true;
    post(form, entries, address);
  }
});

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-swap]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    history.replaceState(null, "", link.href);
    await send(link.href, {});
    return;
  }
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const code = button.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
    say("Copied.");
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  } catch {
    getSelection().selectAllChildren(code);
  }
});

/** Files go one after the other, as they are; the page is loaded again when all are there. */
async function upload(zone, files) {
  const bar = zone.querySelector("progress"), words = zone.querySelector("[data-upload]");
  for (const file of files) {
    bar.hidden = false;
    words.textContent = file.name;
    const failed = await new Promise((done) => {
      const request = new XMLHttpRequest();
      request.open("PUT", "/upload/" + encodeURIComponent(file.name));
      request.upload.onprogress = (event) => { if (event.lengthComputable) bar.value = (100 * event.loaded) / event.total; };
      request.onload = () => done(request.status === 201 ? "" : request.responseText);
      request.onerror = () => done("The file could not be uploaded.");
      request.send(file);
    });
    if (failed) { bar.hidden = true; words.textContent = ""; complain(failed); return; }
  }
  if (files.length) location.assign("/open");
}

document.addEventListener("dragover", (event) => {
  const zone = document.querySelector("[data-drop]");
  if (!zone || !event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  zone.classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.querySelectorAll(".over").forEach((zone) => zone.classList.remove("over"));
});
document.addEventListener("drop", (event) => {
  const zone = document.querySelector("[data-drop]");
  if (!zone) return;
  event.preventDefault();
  zone.classList.remove("over");
  upload(zone, [...event.dataTransfer.files]);
});
document.addEventListener("DOMContentLoaded", poll);
