import type { View } from "../endpoints/authorize/view.js";
import { accountPage } from "./account.js";
import { consentPage } from "./consent.js";
import { chooseLanguage } from "./language.js";
import { loggedOutPage } from "./logged-out.js";
import { loginPage } from "./login.js";
import { logoutPage } from "./logout.js";
import type { Page } from "./layout.js";
import { formTargets } from "./policy.js";

/** The page of a view, in the language the request or the browser asks for. */
export function render(view: View, acceptLanguage: string | undefined, logout: string): Page {
  const language = chooseLanguage("uiLocales" in view ? view.uiLocales : undefined, acceptLanguage);
  switch (view.page) {
    case "login":
      return loginPage({ ...view, language, formTargets: formTargets(view.leadsTo) });
    case "consent":
      return consentPage({ ...view, language, formTargets: formTargets(view.leadsTo) });
    case "logout":
      return logoutPage({ ...view, language, formTargets: formTargets(view.leadsTo) });
    case "logged_out":
      return loggedOutPage({ language });
    case "account":
      return accountPage({ ...view, language, logout });
  }
}
