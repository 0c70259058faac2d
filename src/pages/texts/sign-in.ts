import type { TextTable } from "../language.js";

/** The texts of the pages on the way to an app and back: login, consent, logout, and the start page. */
export const SIGN_IN_TEXTS = {
  "login.title": { en: "Sign in", de: "Anmelden" },
  "login.for": { en: "to continue to {client}", de: "um mit {client} fortzufahren" },
  "login.select": {
    en: "Sign in with the account that you want to use.",
    de: "Melden Sie sich mit dem Konto an, das Sie verwenden möchten.",
  },
  "login.username": { en: "User name, email or phone number", de: "Benutzername, E-Mail oder Telefonnummer" },
  "login.password": { en: "Password", de: "Passwort" },
  "login.wrong": {
    en: "That did not work. Please check the user name and the password.",
    de: "Das hat nicht geklappt. Bitte prüfen Sie Benutzername und Passwort.",
  },
  "login.submit": { en: "Sign in", de: "Anmelden" },
  cancel: { en: "Cancel", de: "Abbrechen" },

  "consent.title": { en: "Allow access?", de: "Zugriff erlauben?" },
  "consent.asks": {
    en: "{client} would like access to your account {user}.",
    de: "{client} möchte Zugriff auf Ihr Konto {user}.",
  },
  "consent.host": { en: "This app comes from {host}.", de: "Diese App kommt von {host}." },
  "consent.unverified": {
    en: "This app has registered itself. Its name and its links have not been checked. Allow access only if you have just started this app yourself.",
    de: "Diese App hat sich selbst registriert. Ihr Name und ihre Links sind nicht geprüft. Erlauben Sie den Zugriff nur, wenn Sie diese App gerade selbst gestartet haben.",
  },
  "consent.website": { en: "Website of the app", de: "Website der App" },
  "consent.policy": { en: "Privacy policy", de: "Datenschutzerklärung" },
  "consent.terms": { en: "Terms of use", de: "Nutzungsbedingungen" },
  "consent.list": { en: "Requested access", de: "Angefragter Zugriff" },
  "consent.nothing": { en: "Know that you have signed in", de: "Wissen, dass Sie sich angemeldet haben" },
  "consent.target": { en: "You will be sent back to {target}.", de: "Sie werden zurückgeleitet zu {target}." },
  "consent.remembered": {
    en: "If you allow it, your answer is remembered until you withdraw it in your account.",
    de: "Wenn Sie es erlauben, gilt das, bis Sie es in Ihrem Konto widerrufen.",
  },
  "consent.client": { en: "Client ID: {id}", de: "Client-ID: {id}" },
  "consent.allow": { en: "Allow", de: "Erlauben" },
  "consent.deny": { en: "Deny", de: "Ablehnen" },

  "logout.title": { en: "Sign out?", de: "Abmelden?" },
  "logout.user": { en: "You are signed in as {user}.", de: "Sie sind angemeldet als {user}." },
  "logout.client": { en: "{client} asks to sign you out.", de: "{client} möchte Sie abmelden." },
  "logout.submit": { en: "Sign out", de: "Abmelden" },
  "logout.stay": { en: "Stay signed in", de: "Angemeldet bleiben" },
  "logout.done": { en: "You are signed out", de: "Sie sind abgemeldet" },
  "logout.apps": {
    en: "Your apps are being told to sign you out too.",
    de: "Auch Ihre Apps werden gebeten, Sie abzumelden.",
  },
  "logout.frame": { en: "Sign-out page of an app", de: "Abmeldeseite einer App" },
  "logout.next": { en: "Continue", de: "Weiter" },
  "logout.close": { en: "You can close this window.", de: "Sie können dieses Fenster schließen." },

  "home.title": { en: "Sign-in server", de: "Anmeldeserver" },
  "home.text": {
    en: "This is {host}. Apps send people here to sign in. Your account shows which apps have access. There you can also withdraw it.",
    de: "Dies ist {host}. Apps leiten Menschen hierher, damit sie sich anmelden. Ihr Konto zeigt, welche Apps Zugriff haben. Dort können Sie ihn auch entziehen.",
  },

  "form_post.title": { en: "One moment", de: "Einen Moment" },
  "form_post.target": { en: "You are being sent back to {target}.", de: "Sie werden zurückgeleitet zu {target}." },
  "form_post.submit": { en: "Continue", de: "Weiter" },
} as const satisfies TextTable;
