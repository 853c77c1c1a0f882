// Keeps the picture of the verifiers as it is now. Without this script the buttons open a page of their own.
const live = document.querySelector("[data-live]");
const part = (name) => live.querySelector(`[data-${name}]`);
const tiles = [...part("tiles").children];

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function show(now) {
  write(part("token"), now.token);
  write(part("summary"), now.summary);
  part("summary").className = `verdict ${now.mood}`;
  write(part("receipt"), now.receipt);
  for (const [at, tile] of now.tiles.entries()) {
    const element = tiles[at];
    element.className = `tile t-${tile.state}`;
    write(element.querySelector("strong"), tile.says);
    write(element.querySelector(".age"), tile.age);
  }
}

const events = new EventSource("/live/events");
events.addEventListener("message", (event) => show(JSON.parse(event.data)));
events.addEventListener("error", () => write(part("summary"), "The demo does not answer. Is it still running?"));

for (const form of live.querySelectorAll("form[data-act]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", headers: { "X-Fragment": "1" } });
      if (!answer.ok) write(part("summary"), await answer.text());
    } catch {
      write(part("summary"), "The demo does not answer. Is it still running?");
    }
    button.disabled = false;
    button.focus();
  });
}
