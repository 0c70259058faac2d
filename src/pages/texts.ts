import { Html, escape } from "./html.js";
import type { Language } from "./language.js";

/** Every sentence people read, in every language: a row without one of them does not compile. `{name}` is a slot. */
export const TEXTS = {
  "login.title": { en: "Sign in", de: "Anmelden" },
  "login.for": { en: "to continue to {client}", de: "um mit {client} fortzufahren" },
  "login.select": {
    en: "Which account do you want to use? Sign in with it.",
    de: "Welches Konto möchten Sie verwenden? Melden Sie sich damit an.",
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
  "consent.list": { en: "What it asks for", de: "Worum es geht" },
  "consent.nothing": { en: "Know that you have signed in", de: "Wissen, dass Sie sich angemeldet haben" },
  "consent.target": { en: "You will be sent back to {target}.", de: "Sie werden zurückgeleitet zu {target}." },
  "consent.remembered": {
    en: "If you allow it, this is remembered until you withdraw it in your account.",
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
  "logout.close": { en: "You can close this window.", de: "Sie können dieses Fenster schließen." },

  "account.title": { en: "Your account", de: "Ihr Konto" },
  "account.apps": { en: "Apps with access", de: "Apps mit Zugriff" },
  "account.none": {
    en: "You have not given any app access to your account.",
    de: "Sie haben keiner App Zugriff auf Ihr Konto gegeben.",
  },
  "account.since": { en: "Since {date}", de: "Seit {date}" },
  "account.withdraw": { en: "Withdraw access", de: "Zugriff entziehen" },

  "account.sharing": { en: "What you share", de: "Was Sie teilen" },

  "sharing.title": { en: "What you share", de: "Was Sie teilen" },
  "sharing.pending": { en: "Waiting for your answer", de: "Wartet auf Ihre Antwort" },
  "sharing.pending.none": { en: "Nobody is asking for anything.", de: "Niemand bittet um etwas." },
  "sharing.answered": { en: "What you have answered", de: "Was Sie geantwortet haben" },
  "sharing.answered.none": { en: "You have not answered anybody yet.", de: "Sie haben noch niemandem geantwortet." },
  "sharing.older": { en: "Older ones", de: "Ältere" },
  "sharing.asks": {
    en: "{person} asks for {resource} with {client}.",
    de: "{person} bittet mit {client} um {resource}.",
  },
  "sharing.client.asks": { en: "{client} asks for {resource}.", de: "{client} bittet um {resource}." },
  "sharing.lifetime": { en: "For how long?", de: "Für wie lange?" },
  "sharing.lifetime.hour": { en: "An hour", de: "Eine Stunde" },
  "sharing.lifetime.day": { en: "A day", de: "Einen Tag" },
  "sharing.lifetime.month": { en: "30 days", de: "30 Tage" },
  "sharing.lifetime.always": { en: "Until I take it back", de: "Bis ich es zurücknehme" },
  "sharing.approve": { en: "Approve", de: "Erlauben" },
  "sharing.deny": { en: "Deny", de: "Ablehnen" },
  "sharing.approved": { en: "Approved.", de: "Erlaubt." },
  "sharing.approved.until": { en: "Approved until {date}.", de: "Erlaubt bis {date}." },
  "sharing.denied": { en: "Denied.", de: "Abgelehnt." },
  "sharing.withdraw": { en: "Take back", de: "Zurücknehmen" },
  "sharing.decisions": { en: "Latest decisions", de: "Letzte Entscheidungen" },
  "sharing.decisions.none": { en: "Nothing has been decided yet.", de: "Noch wurde nichts entschieden." },
  "sharing.outcome.granted": { en: "granted", de: "gewährt" },
  "sharing.outcome.need_info": { en: "asked who they are", de: "gefragt, wer es ist" },
  "sharing.outcome.request_submitted": { en: "you were asked", de: "Sie wurden gefragt" },
  "sharing.outcome.request_denied": { en: "denied", de: "abgelehnt" },
  "sharing.decision.asked": { en: "Asked", de: "Gefragt" },
  "sharing.decision.granted": { en: "Granted", de: "Gewährt" },
  "sharing.decision.nothing": { en: "nothing", de: "nichts" },
  "sharing.decision.rules": { en: "Rules that were tried", de: "Geprüfte Regeln" },
  "sharing.decision.more": { en: "and {count} more", de: "und {count} weitere" },

  "reason.rule": { en: "Rule {rule} of policy {policy}", de: "Regel {rule} der Richtlinie {policy}" },
  "reason.decided": { en: "This decided.", de: "Das gab den Ausschlag." },
  "reason.passes": { en: "allowed it.", de: "hat es erlaubt." },
  "reason.needs_claims": {
    en: "was not decided: nobody had said who they are.",
    de: "blieb offen: niemand hatte gesagt, wer es ist.",
  },
  "reason.needs_consent": { en: "waited for your answer.", de: "wartete auf Ihre Antwort." },
  "reason.unreadable": { en: "could not be read.", de: "war nicht lesbar." },
  "reason.fails.scopes": {
    en: "did not apply: it gives nothing of what was asked.",
    de: "traf nicht zu: Sie gibt nichts von dem, worum gebeten wurde.",
  },
  "reason.fails.not_before": { en: "did not apply yet.", de: "galt noch nicht." },
  "reason.fails.not_after": { en: "did not apply any more.", de: "galt nicht mehr." },
  "reason.fails.clients": {
    en: "did not apply: it is about other apps.",
    de: "traf nicht zu: Sie betrifft andere Apps.",
  },
  "reason.fails.issuer": {
    en: "did not apply: it is about people of another server.",
    de: "traf nicht zu: Sie betrifft Personen eines anderen Servers.",
  },
  "reason.fails.users": {
    en: "did not apply: it is about other people.",
    de: "traf nicht zu: Sie betrifft andere Personen.",
  },
  "reason.fails.roles": {
    en: "did not apply: the person has none of its roles.",
    de: "traf nicht zu: Die Person hat keine ihrer Rollen.",
  },
  "reason.fails.claims": {
    en: "did not apply: what is known of the person does not match.",
    de: "traf nicht zu: Was über die Person bekannt ist, passt nicht.",
  },
  "reason.fails.consent_needed": {
    en: "did not apply: you have not allowed it.",
    de: "traf nicht zu: Sie haben es nicht erlaubt.",
  },
  "condition.scopes": { en: "asked", de: "gefragt" },
  "condition.not_before": { en: "time", de: "Zeit" },
  "condition.not_after": { en: "time", de: "Zeit" },
  "condition.clients": { en: "app", de: "App" },
  "condition.issuer": { en: "server", de: "Server" },
  "condition.users": { en: "person", de: "Person" },
  "condition.roles": { en: "roles", de: "Rollen" },
  "condition.claims": { en: "details", de: "Angaben" },
  "condition.consent_needed": { en: "your answer", de: "Ihre Antwort" },
  "fact.nothing": { en: "nothing", de: "nichts" },
  "fact.nobody is known": { en: "nobody is known", de: "niemand ist bekannt" },
  "fact.matches": { en: "matches", de: "stimmt überein" },
  "fact.differs": { en: "differs", de: "weicht ab" },
  "fact.is absent": { en: "is absent", de: "fehlt" },
  "fact.approved": { en: "approved", de: "erlaubt" },
  "fact.denied": { en: "denied", de: "abgelehnt" },
  "fact.pending": { en: "not answered yet", de: "noch nicht beantwortet" },
  "fact.not asked": { en: "not asked yet", de: "noch nicht gefragt" },
  "obstacle.the resource is gone": { en: "The resource is gone", de: "Die Ressource gibt es nicht mehr" },
  "obstacle.the resource is switched off": { en: "The resource is switched off", de: "Die Ressource ist abgeschaltet" },
  "obstacle.no scope was asked": { en: "Nothing was asked that it has", de: "Um nichts, was sie hat, wurde gebeten" },
  "obstacle.there is no policy": { en: "There is no policy for it", de: "Es gibt keine Richtlinie dafür" },
  "obstacle.the record cannot be read": { en: "The record cannot be read", de: "Der Eintrag ist nicht lesbar" },

  "error.request": { en: "This request cannot be answered", de: "Diese Anfrage lässt sich nicht beantworten" },
  "error.request.help": {
    en: "The app or the link that brought you here did not ask in the right way. Go back and try it again; if it happens again, tell the people who run the app.",
    de: "Die App oder der Link, über den Sie hierher kamen, hat nicht richtig gefragt. Gehen Sie zurück und versuchen Sie es noch einmal; hilft das nicht, wenden Sie sich an die Betreiber der App.",
  },
  "error.stale": { en: "This form is no longer valid", de: "Dieses Formular gilt nicht mehr" },
  "error.answered": { en: "This is done", de: "Das ist erledigt" },
  "error.answered.help": {
    en: "You signed in here and were sent on. There is nothing left to do on this page.",
    de: "Sie haben sich hier angemeldet und wurden weitergeleitet. Auf dieser Seite gibt es nichts mehr zu tun.",
  },
  "error.declined": { en: "This is done", de: "Das ist erledigt" },
  "error.declined.help": {
    en: "You declined here, and nothing was allowed. You can start again if you have changed your mind.",
    de: "Sie haben hier abgelehnt, und nichts wurde erlaubt. Wenn Sie es sich anders überlegt haben, können Sie neu beginnen.",
  },
  "error.stale.help": {
    en: "It had been open for too long, was sent before, or was opened in another browser. Nothing was done with what you entered. You can safely start again.",
    de: "Es war zu lange geöffnet, wurde schon einmal abgeschickt oder stammt aus einem anderen Browser. Mit Ihren Eingaben ist nichts geschehen. Sie können unbesorgt neu beginnen.",
  },
  "error.denied": { en: "This is not allowed", de: "Das ist nicht erlaubt" },
  "error.denied.help": {
    en: "You, or the app that brought you here, may not do this.",
    de: "Sie oder die App, die Sie hierher gebracht hat, dürfen das nicht.",
  },
  "error.missing": { en: "There is nothing here", de: "Hier ist nichts" },
  "error.missing.help": {
    en: "The address may be mistyped or out of date.",
    de: "Vielleicht ist die Adresse falsch geschrieben oder veraltet.",
  },
  "error.tries": { en: "Too many tries", de: "Zu viele Versuche" },
  "error.tries.help": {
    en: "There were too many tries in a short time, perhaps by others on your network. Please wait {time} and try it again.",
    de: "Es gab in kurzer Zeit zu viele Versuche, vielleicht von anderen in Ihrem Netz. Bitte warten Sie {time} und versuchen Sie es noch einmal.",
  },
  "error.busy": { en: "Please try again in a moment", de: "Bitte versuchen Sie es gleich noch einmal" },
  "error.busy.help": {
    en: "More is going on here right now than can be dealt with. Please wait {time} and try it again.",
    de: "Hier ist gerade mehr los, als bearbeitet werden kann. Bitte warten Sie {time} und versuchen Sie es noch einmal.",
  },
  "error.internal": { en: "Something went wrong here", de: "Hier ist etwas schiefgegangen" },
  "error.internal.help": {
    en: "This is not your fault. Please try again later; if it happens again, tell us the reference below.",
    de: "Das liegt nicht an Ihnen. Bitte versuchen Sie es später noch einmal; hilft das nicht, nennen Sie uns die Referenz.",
  },
  "error.detail": { en: "Details", de: "Einzelheiten" },
  "error.reference": { en: "Reference", de: "Referenz" },
  "error.again": { en: "Start again", de: "Neu beginnen" },
  "app.back": { en: "Back to {client}", de: "Zurück zu {client}" },
  "wait.moment": { en: "a moment", de: "einen Moment" },

  "home.title": { en: "Sign-in server", de: "Anmeldeserver" },
  "home.text": {
    en: "This is {host}. Apps send people here to sign in. In your account you see which apps have access, and can take it back.",
    de: "Hier ist {host}. Apps leiten Menschen hierher, damit sie sich anmelden. In Ihrem Konto sehen Sie, welche Apps Zugriff haben, und können ihn entziehen.",
  },

  "form_post.title": { en: "One moment", de: "Einen Moment" },
  "form_post.target": { en: "You are being sent back to {target}.", de: "Sie werden zurückgeleitet zu {target}." },
  "form_post.submit": { en: "Continue", de: "Weiter" },

  // in English word for word what the scopes are declared with, which is how a changed description is recognised
  "scope.openid": { en: "Know who you are", de: "Wissen, wer Sie sind" },
  "scope.profile": { en: "See your profile", de: "Ihr Profil sehen" },
  "scope.email": { en: "See your email address", de: "Ihre E-Mail-Adresse sehen" },
  "scope.phone": { en: "See your phone number", de: "Ihre Telefonnummer sehen" },
  "scope.address": { en: "See your postal address", de: "Ihre Postanschrift sehen" },
  "scope.role": { en: "See your roles", de: "Ihre Rollen sehen" },
  "scope.offline_access": { en: "Stay signed in when you are away", de: "Angemeldet bleiben, wenn Sie nicht da sind" },
  "scope.jeton:admin": { en: "Revoke any token", de: "Jedes Token widerrufen" },
  "scope.jeton:introspect": { en: "Introspect every token", de: "Jedes Token prüfen" },
  "scope.uma_protection": { en: "Protect resources", de: "Ressourcen schützen" },
  "scope.uma_claims": { en: "Ask others for access in your name", de: "In Ihrem Namen andere um Zugriff bitten" },
} as const satisfies Record<string, Record<Language, string>>;

export type TextName = keyof typeof TEXTS;

type SlotsIn<Text extends string> = Text extends `${string}{${infer Slot}}${infer Rest}` ? Slot | SlotsIn<Rest> : never;
type Slots<Name extends TextName> = Readonly<Record<SlotsIn<(typeof TEXTS)[Name]["en"]>, Html>>;
type SlotArguments<Name extends TextName> = [keyof Slots<Name>] extends [never] ? [] : [slots: Slots<Name>];

/** A sentence of the table with its slots filled. */
export function say<Name extends TextName>(language: Language, name: Name, ...[slots]: SlotArguments<Name>): Html {
  const filled: Readonly<Record<string, Html>> = slots ?? {};
  const text = escape(TEXTS[name][language]);
  return new Html(text.replace(/\{(\w+)\}/g, (slot, key: string) => filled[key]?.toString() ?? slot));
}

/**
 * What a scope is called to people: the description it was declared with, translated where it is one of ours and was not
 * changed; undefined where it has none and its name has to do.
 */
export function describeScope(language: Language, name: string, description: string | null): string | undefined {
  const ours = Object.hasOwn(TEXTS, `scope.${name}`) ? TEXTS[`scope.${name}` as TextName] : undefined;
  if (ours !== undefined && (description === null || description === ours.en)) return ours[language];
  return description ?? undefined;
}
