import type { TextTable } from "../language.js";

/** The texts of the pages of a person's own. */
export const ACCOUNT_TEXTS = {
  "account.title": { en: "Your account", de: "Ihr Konto" },
  "account.apps": { en: "Apps with access", de: "Apps mit Zugriff" },
  "account.none": {
    en: "You have not given any app access to your account.",
    de: "Sie haben keiner App Zugriff auf Ihr Konto gegeben.",
  },
  "account.since": { en: "Since {date}", de: "Seit {date}" },
  "account.withdraw": { en: "Withdraw access", de: "Zugriff entziehen" },
  "account.sharing": { en: "Sharing", de: "Freigaben" },

  "sharing.title": { en: "Sharing", de: "Freigaben" },
  "sharing.pending": { en: "Waiting for your answer", de: "Wartet auf Ihre Antwort" },
  "sharing.pending.none": { en: "There are no open requests.", de: "Es gibt keine offenen Anfragen." },
  "sharing.answered": { en: "Your answers", de: "Ihre Antworten" },
  "sharing.answered.none": {
    en: "You have not answered any requests yet.",
    de: "Sie haben noch keine Anfrage beantwortet.",
  },
  "sharing.older": { en: "Older requests", de: "Ältere Anfragen" },
  "sharing.asks": {
    en: "{person} would like access to {resource} with {client}.",
    de: "{person} möchte mit {client} auf {resource} zugreifen.",
  },
  "sharing.client.asks": {
    en: "{client} would like access to {resource}.",
    de: "{client} möchte auf {resource} zugreifen.",
  },
  "sharing.lifetime": { en: "For how long?", de: "Für wie lange?" },
  "sharing.lifetime.hour": { en: "An hour", de: "Eine Stunde" },
  "sharing.lifetime.day": { en: "A day", de: "Einen Tag" },
  "sharing.lifetime.month": { en: "30 days", de: "30 Tage" },
  "sharing.lifetime.always": { en: "Until I withdraw it", de: "Bis ich es widerrufe" },
  "sharing.approve": { en: "Approve", de: "Erlauben" },
  "sharing.deny": { en: "Deny", de: "Ablehnen" },
  "sharing.approved": { en: "Approved.", de: "Erlaubt." },
  "sharing.approved.until": { en: "Approved until {date}.", de: "Erlaubt bis {date}." },
  "sharing.denied": { en: "Denied.", de: "Abgelehnt." },
  "sharing.withdraw": { en: "Withdraw answer", de: "Antwort widerrufen" },
  "sharing.decisions": { en: "Latest decisions", de: "Letzte Entscheidungen" },
  "sharing.decisions.none": { en: "There are no decisions yet.", de: "Es gibt noch keine Entscheidungen." },
  "sharing.outcome.granted": { en: "granted", de: "gewährt" },
  "sharing.outcome.need_info": { en: "more information was requested", de: "weitere Angaben wurden angefragt" },
  "sharing.outcome.request_submitted": { en: "you were asked", de: "Sie wurden gefragt" },
  "sharing.outcome.request_denied": { en: "denied", de: "abgelehnt" },
  "sharing.decision.asked": { en: "Requested", de: "Angefragt" },
  "sharing.decision.granted": { en: "Granted", de: "Gewährt" },
  "sharing.decision.nothing": { en: "nothing", de: "nichts" },
  "sharing.decision.rules": { en: "Rules checked", de: "Geprüfte Regeln" },
  "sharing.decision.more": { en: "and {count} more", de: "und {count} weitere" },
} as const satisfies TextTable;
