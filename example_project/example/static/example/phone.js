// Shows new messages as they arrive, in the place of the link that reloads the page.
(() => {
  "use strict";
  const list = document.getElementById("received");
  document.getElementById("reload").hidden = true;

  const look = async () => {
    const answer = await fetch(location.pathname);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    // Each message is put before the others, so the oldest comes first.
    for (const message of [...page.querySelectorAll("#received > li")].reverse()) {
      if (!document.getElementById(message.id)) list.prepend(message);
    }
  };

  setInterval(() => {
    if (!document.hidden) look().catch(() => {});
  }, 1000);
})();
