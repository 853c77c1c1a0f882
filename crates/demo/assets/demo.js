// Runs a scenario in place. Without this script the form opens a page of its own.
for (const form of document.querySelectorAll("form[data-run]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
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
  });
}
