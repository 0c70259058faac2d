import type { TextTable } from "../language.js";

/** The texts of the error page: for each kind of error a heading and an explanation. */
export const ERROR_TEXTS = {
  "error.request": { en: "This request cannot be answered", de: "Diese Anfrage lässt sich nicht beantworten" },
  "error.request.help": {
    en: "The app or the link that brought you here sent an invalid request. Go back and try again. If it happens again, tell the people who run the app.",
    de: "Die App oder der Link, über den Sie hierher kamen, hat eine ungültige Anfrage gesendet. Gehen Sie zurück und versuchen Sie es noch einmal. Hilft das nicht, wenden Sie sich an die Betreiber der App.",
  },
  "error.stale": { en: "This form is no longer valid", de: "Dieses Formular gilt nicht mehr" },
  "error.stale.help": {
    en: "It has expired, was already submitted, or was opened in another browser. If you have signed in, return to the app. Otherwise you can safely start again.",
    de: "Es ist abgelaufen, wurde schon abgeschickt oder stammt aus einem anderen Browser. Wenn Sie sich angemeldet haben, kehren Sie zur App zurück. Andernfalls können Sie unbesorgt neu beginnen.",
  },
  "error.answered": { en: "This is done", de: "Das ist erledigt" },
  "error.answered.help": {
    en: "You have already signed in here. There is nothing left to do on this page.",
    de: "Sie haben sich hier schon angemeldet. Auf dieser Seite gibt es nichts mehr zu tun.",
  },
  "error.declined": { en: "This is done", de: "Das ist erledigt" },
  "error.declined.help": {
    en: "You declined, so the app got no access. If you have changed your mind, you can start again.",
    de: "Sie haben abgelehnt, deshalb bekam die App keinen Zugriff. Wenn Sie es sich anders überlegt haben, können Sie neu beginnen.",
  },
  "error.denied": { en: "This is not allowed", de: "Das ist nicht erlaubt" },
  "error.denied.help": {
    en: "You, or the app that brought you here, may not do this.",
    de: "Sie oder die App, die Sie hierher gebracht hat, dürfen das nicht.",
  },
  "error.missing": { en: "Page not found", de: "Seite nicht gefunden" },
  "error.missing.help": {
    en: "The address may be mistyped or out of date.",
    de: "Vielleicht ist die Adresse falsch geschrieben oder veraltet.",
  },
  "error.attempts": { en: "Too many attempts", de: "Zu viele Versuche" },
  "error.attempts.help": {
    en: "There were too many attempts in a short time, perhaps by other people on your network. Please wait {time} and try again.",
    de: "Es gab in kurzer Zeit zu viele Versuche, vielleicht von anderen in Ihrem Netz. Bitte warten Sie {time} und versuchen Sie es noch einmal.",
  },
  "error.busy": { en: "Please try again in a moment", de: "Bitte versuchen Sie es gleich noch einmal" },
  "error.busy.help": {
    en: "We are very busy right now. Please wait {time} and try again.",
    de: "Wir sind gerade sehr ausgelastet. Bitte warten Sie {time} und versuchen Sie es noch einmal.",
  },
  "error.internal": { en: "Something went wrong", de: "Etwas ist schiefgegangen" },
  "error.internal.help": {
    en: "This is not your fault. Please try again later. If it happens again, tell us the reference below.",
    de: "Das liegt nicht an Ihnen. Bitte versuchen Sie es später noch einmal. Hilft das nicht, nennen Sie uns die Referenz.",
  },
  "error.detail": { en: "Details", de: "Einzelheiten" },
  "error.reference": { en: "Reference", de: "Referenz" },
  "error.again": { en: "Start again", de: "Neu beginnen" },
  "app.back": { en: "Back to {client}", de: "Zurück zu {client}" },
  "wait.moment": { en: "a moment", de: "einen Moment" },
} as const satisfies TextTable;
