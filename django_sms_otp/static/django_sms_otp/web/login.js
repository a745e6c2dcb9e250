// What makes the login pages quicker. They are whole without it.
(() => {
  "use strict";
  const digits = (text) => text.match(/\p{Nd}/gu) || [];

  // A second click sends nothing, until it is certain that the first one leads nowhere: nothing
  // tells that a person has stopped the page. A script of the site may take its time before a
  // form goes, with a CAPTCHA: so each of its listeners comes first.
  addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || !form.matches(".sms-otp form")) return;
    if (form.getAttribute("aria-busy") === "true") return event.preventDefault();
    form.setAttribute("aria-busy", "true");
    setTimeout(() => form.removeAttribute("aria-busy"), 10000);
  });
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
    // The whole message may be pasted. The code is its one run of so many digits, which stands
    // there twice if the last line is for WebOTP.
    const codeIn = (text) => {
      const runs = (text.match(/\p{Nd}+/gu) || []).filter((run) => digits(run).length === length);
      return new Set(runs).size === 1 ? runs[0] : "";
    };
    document.querySelectorAll("[data-with-script]").forEach((each) => (each.hidden = false));
    code.addEventListener("input", (event) => {
      const isDeleted = (event.inputType || "").startsWith("delete");
      const isComplete = digits(code.value).length === length;
      const found = codeIn(code.value) || (isComplete ? code.value : "");
      if (found && !isDeleted) finish(found);
    });
    code.addEventListener("paste", (event) => {
      const found = codeIn(event.clipboardData ? event.clipboardData.getData("text") : "");
      if (!found) return;
      event.preventDefault();
      finish(found);
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
    const words = wait.querySelector("[data-words]");
    const show = () => {
      const left = Math.ceil((end - Date.now()) / 1000);
      buttons.forEach((button) => (button.disabled = left > 0));
      if (left > 0) {
        const rest = String(left % 60).padStart(2, "0");
        clock.textContent = `${Math.floor(left / 60)}:${rest}`;
        // Hours are told in words.
        words.hidden = left < 3600;
        clock.parentNode.hidden = !words.hidden;
        setTimeout(show, 250);
      } else {
        wait.hidden = true;
        document.querySelector("[data-ready]").textContent = wait.dataset.then;
      }
    };
    show();
  }
})();
