// What makes the login pages quicker. They are whole without it.
(() => {
  "use strict";
  const digits = (text) => text.match(/\p{Nd}/gu) || [];

  // A second click sends nothing.
  for (const form of document.querySelectorAll(".sms-otp form")) {
    form.addEventListener("submit", (event) => {
      if (form.getAttribute("aria-busy") === "true") event.preventDefault();
      form.setAttribute("aria-busy", "true");
    });
  }
  // "Back" may show the page as it was left.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll(".sms-otp form[aria-busy]")) {
      form.removeAttribute("aria-busy");
    }
  });

  const code = document.querySelector(".sms-otp-code");
  if (code) {
    const length = Number(code.dataset.length);
    const finish = (text) => {
      code.value = text;
      code.form.requestSubmit();
    };
    document.querySelectorAll("[data-with-script]").forEach((each) => (each.hidden = false));
    code.addEventListener("input", (event) => {
      const isDeleted = (event.inputType || "").startsWith("delete");
      if (!isDeleted && digits(code.value).length === length) code.form.requestSubmit();
    });
    // The whole message may be pasted. The code is its one run of so many digits.
    code.addEventListener("paste", (event) => {
      const text = event.clipboardData ? event.clipboardData.getData("text") : "";
      const runs = (text.match(/\p{Nd}+/gu) || []).filter((run) => digits(run).length === length);
      if (runs.length !== 1) return;
      event.preventDefault();
      finish(runs[0]);
    });
    // WebOTP: https://wicg.github.io/web-otp/
    if ("OTPCredential" in window) {
      const waiting = new AbortController();
      code.form.addEventListener("submit", () => waiting.abort());
      navigator.credentials
        .get({ otp: { transport: ["sms"] }, signal: waiting.signal })
        .then((message) => message && finish(message.code))
        .catch(() => {});
    }
  }

  // The buttons that ask for another message sleep until it may be sent.
  const wait = document.querySelector("[data-wait]");
  if (wait) {
    const end = Date.now() + Number(wait.dataset.wait) * 1000;
    const buttons = document.querySelectorAll("[data-resend] button");
    const clock = wait.querySelector("[data-clock]");
    const show = () => {
      const left = Math.ceil((end - Date.now()) / 1000);
      buttons.forEach((button) => (button.disabled = left > 0));
      if (left > 0) {
        const rest = String(left % 60).padStart(2, "0");
        clock.textContent = `${Math.floor(left / 60)}:${rest}`;
        setTimeout(show, 250);
      } else {
        wait.hidden = true;
        document.querySelector("[data-ready]").textContent = wait.dataset.then;
      }
    };
    wait.querySelector("[data-words]").hidden = true;
    clock.parentNode.hidden = false;
    show();
  }
})();
