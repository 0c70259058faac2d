import type { TextTable } from "../../pages/language.js";

/** The texts around each page, of the login and of errors. */
export const FRAME_TEXTS = {
  skip: { en: "Skip to the content", de: "Zum Inhalt springen" },
  menu: { en: "Pages", de: "Seiten" },
  "menu.start": { en: "Overview", de: "Überblick" },
  "menu.people": { en: "People", de: "Personen" },
  "menu.clients": { en: "Clients", de: "Clients" },
  "menu.keys": { en: "Keys", de: "Schlüssel" },
  "menu.decisions": { en: "Decisions", de: "Entscheidungen" },
  "menu.audit": { en: "Changes", de: "Änderungen" },
  "menu.jobs": { en: "Jobs", de: "Aufträge" },
  "menu.commands": { en: "Everything else", de: "Alles Weitere" },
  "search.label": { en: "Search", de: "Suchen" },
  "search.placeholder": {
    en: "A person, client, token or decision",
    de: "Person, Client, Token oder Entscheidung",
  },
  "search.submit": { en: "Search", de: "Suchen" },
  "sign-out": { en: "Sign out", de: "Abmelden" },

  "login.unknown": { en: "Please sign in once more", de: "Bitte melden Sie sich noch einmal an" },
  "login.unknown.help": {
    en: "This sign-in has expired, was already used, or began in another browser.",
    de: "Diese Anmeldung ist abgelaufen, wurde schon verwendet oder begann in einem anderen Browser.",
  },
  "login.refused": { en: "You are not signed in", de: "Sie sind nicht angemeldet" },
  "login.refused.help": {
    en: "The sign-in was cancelled, or your account may not use the console.",
    de: "Die Anmeldung wurde abgebrochen, oder Ihr Konto darf die Konsole nicht verwenden.",
  },
  "login.again": { en: "Sign in", de: "Anmelden" },
  "login.out": { en: "You are signed out of the console", de: "Sie sind von der Konsole abgemeldet" },
  "login.out.help": {
    en: "Your session with the sign-in server continues until you end it too.",
    de: "Ihre Sitzung beim Anmeldeserver läuft weiter, bis Sie auch diese beenden.",
  },
  "login.out.server": { en: "End that session too", de: "Auch diese Sitzung beenden" },

  "error.powerless": { en: "The console is for administrators", de: "Die Konsole ist für die Administration" },
  "error.powerless.help": {
    en: "You are signed in as {person}, but this account has no administrative role. Sign in with another account, or ask for the role jeton:admin.",
    de: "Sie sind als {person} angemeldet, aber dieses Konto hat keine Rolle der Administration. Melden Sie sich mit einem anderen Konto an, oder bitten Sie um die Rolle jeton:admin.",
  },
  "error.powerless.other": { en: "Use another account", de: "Anderes Konto verwenden" },
  "error.forbidden": { en: "You may not do this", de: "Das dürfen Sie nicht" },
  "error.forbidden.help": {
    en: "Your roles do not include it. An administrator with the role jeton:admin can do it, or give you the role {role}.",
    de: "Ihre Rollen schließen das nicht ein. Wer die Rolle jeton:admin hat, kann es tun oder Ihnen die Rolle {role} geben.",
  },
  "error.missing": { en: "There is nothing here", de: "Hier ist nichts" },
  "error.missing.help": {
    en: "It may have been deleted, or the address is mistyped.",
    de: "Vielleicht wurde es gelöscht, oder die Adresse ist falsch geschrieben.",
  },
  "error.stale": { en: "This form is no longer valid", de: "Dieses Formular gilt nicht mehr" },
  "error.stale.help": {
    en: "It was opened before you signed in, or on another page. Nothing has changed. Open the page and send the form once more.",
    de: "Es wurde vor Ihrer Anmeldung oder auf einer anderen Seite geöffnet. Nichts wurde geändert. Öffnen Sie die Seite, und senden Sie das Formular noch einmal.",
  },
  "error.busy": { en: "The server cannot answer just now", de: "Der Server kann gerade nicht antworten" },
  "error.busy.help": {
    en: "The database may be away, or busy. Please try again in a moment.",
    de: "Vielleicht ist die Datenbank nicht erreichbar oder ausgelastet. Bitte versuchen Sie es gleich noch einmal.",
  },
  "error.request": { en: "This request cannot be answered", de: "Diese Anfrage lässt sich nicht beantworten" },
  "error.request.help": {
    en: "The reason is below. Nothing has changed.",
    de: "Der Grund steht unten. Nichts wurde geändert.",
  },
  "error.internal": { en: "Something went wrong", de: "Etwas ist schiefgegangen" },
  "error.internal.help": {
    en: "The log has an entry with the reference below.",
    de: "Im Protokoll steht ein Eintrag mit der Referenz unten.",
  },
  "error.detail": { en: "Details", de: "Einzelheiten" },
  "error.reference": { en: "Reference", de: "Referenz" },
  "error.start": { en: "To the overview", de: "Zum Überblick" },
  "error.again": { en: "Try again", de: "Noch einmal versuchen" },
} as const satisfies TextTable;
