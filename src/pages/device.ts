import { ACCOUNT_PATH, DEVICE_PATH } from "../browser/paths.js";
import type { Views } from "../browser/view.js";
import { hidden, primary, secondary } from "./form.js";
import { html, isolated, type Html } from "./html.js";
import { pageOf, type Frame, type Page } from "./layout.js";
import { say } from "./texts.js";

/**
 * Asks for the code that a device shows. A code from a link is shown too, and has to be compared: the link may come from
 * another person, whose device would get the access (RFC 8628 section 5.4).
 */
export function devicePage(view: Views["device"], { language, base }: Frame): Page {
  const { failed, userCode } = view;
  const isFromLink = userCode !== undefined && !failed;
  const wrong = html`<p class="alert" role="alert" id="device-error">${say(language, "device.wrong")}</p>`;
  const invalid = failed ? html` aria-invalid="true" aria-describedby="device-error"` : undefined;
  return pageOf({
    language,
    title: say(language, "device.title"),
    body: html`<p>${say(language, isFromLink ? "device.compare" : "device.enter")}</p>
<p>${say(language, "device.own")}</p>
${failed ? wrong : undefined}
<form id="device" method="post" action="${base}${view.action}">
${hidden("csrf", view.csrf, "csrf")}
<label for="user_code">${say(language, "device.code")}</label>
<input class="code" type="text" name="user_code" id="user_code" value="${userCode}" required${isFromLink ? undefined : html` autofocus`}${invalid}
 autocomplete="off" autocapitalize="characters" spellcheck="false" dir="ltr">
<div class="actions">
${primary("continue", say(language, isFromLink ? "device.same" : "device.continue"))}
${secondary("cancel", say(language, "cancel"))}
</div>
</form>`,
  });
}

/** Shows what a user's answer means for the device. */
export function deviceDonePage({ outcome, clientName }: Views["device_done"], { language, base }: Frame): Page {
  const next = outcome === "over" ? { path: DEVICE_PATH, text: say(language, "device.again") } : undefined;
  const link = next ?? { path: ACCOUNT_PATH, text: say(language, "account.title") };
  return pageOf({
    language,
    title: say(language, `device.outcome.${outcome}`),
    body: html`<p>${say(language, `device.outcome.${outcome}.help`, { client: isolated(clientName) })}</p>
<p class="actions"><a class="button" id="next" href="${base}${link.path}">${link.text}</a></p>`,
  });
}

/** The code of a device, as the device shows it. */
export function codeOf(code: string): Html {
  return html`<strong class="code" dir="ltr">${isolated(code)}</strong>`;
}
