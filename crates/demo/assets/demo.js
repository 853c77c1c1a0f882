// Runs scenarios in place. Without this script each form opens a page of its own.
const forms = [...document.querySelectorAll("form[data-run]")];

async function run(form) {
  const button = form.querySelector("button");
  const result = form.parentElement.querySelector(".result");
  button.disabled = true;
  button.textContent = "Running";
  try {
    const answer = await fetch(form.action, { method: "POST", headers: { "X-Fragment": "1" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    result.replaceChildren(...page.body.childNodes);
  } catch {
    result.textContent = "The demo does not answer. Is it still running?";
  }
  button.disabled = false;
  button.textContent = "Run again";
  return result.querySelector(".story.pass") !== null;
}

for (const form of forms) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run(form);
  });
}

const all = document.querySelector("[data-all]");
const count = document.querySelector("[data-count]");
all.parentElement.hidden = false;
all.addEventListener("click", async () => {
  all.disabled = true;
  let passed = 0;
  for (const [at, form] of forms.entries()) {
    count.textContent = `${at} of ${forms.length} played, ${passed} passed`;
    if (await run(form)) passed += 1;
  }
  count.textContent = `${passed} of ${forms.length} passed`;
  all.disabled = false;
});
