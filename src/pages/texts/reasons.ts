import type { TextTable } from "../language.js";

/** The reasons of a decision. The end of each name is the word that src/uma records. */
export const REASON_TEXTS = {
  "reason.rule": { en: "Rule {rule} of policy {policy}", de: "Regel {rule} der Richtlinie {policy}" },
  "reason.decided": { en: "This rule decided.", de: "Diese Regel gab den Ausschlag." },
  "reason.passes": { en: "allowed it.", de: "hat es erlaubt." },
  "reason.needs_claims": {
    en: "was left open, because the person was not known.",
    de: "blieb offen, weil die Person nicht bekannt war.",
  },
  "reason.needs_consent": { en: "waited for your answer.", de: "wartete auf Ihre Antwort." },
  "reason.unreadable": { en: "could not be read.", de: "war nicht lesbar." },
  "reason.fails.scopes": {
    en: "did not apply: it grants none of the requested scopes.",
    de: "traf nicht zu: Sie gewährt keinen der angefragten Scopes.",
  },
  "reason.fails.not_before": { en: "did not apply yet.", de: "galt noch nicht." },
  "reason.fails.not_after": { en: "had expired.", de: "war abgelaufen." },
  "reason.fails.clients": {
    en: "did not apply: it is for other apps.",
    de: "traf nicht zu: Sie gilt für andere Apps.",
  },
  "reason.fails.issuer": {
    en: "did not apply: it is for people of another server.",
    de: "traf nicht zu: Sie gilt für Personen eines anderen Servers.",
  },
  "reason.fails.users": {
    en: "did not apply: it is for other people.",
    de: "traf nicht zu: Sie gilt für andere Personen.",
  },
  "reason.fails.roles": {
    en: "did not apply: the person has none of its roles.",
    de: "traf nicht zu: Die Person hat keine ihrer Rollen.",
  },
  "reason.fails.claims": {
    en: "did not apply: the details of the person do not match.",
    de: "traf nicht zu: Die Angaben zur Person passen nicht.",
  },
  "reason.fails.consent_needed": {
    en: "did not apply: you have not allowed it.",
    de: "traf nicht zu: Sie haben es nicht erlaubt.",
  },

  "condition.scopes": { en: "requested", de: "angefragt" },
  "condition.not_before": { en: "time", de: "Zeit" },
  "condition.not_after": { en: "time", de: "Zeit" },
  "condition.clients": { en: "app", de: "App" },
  "condition.issuer": { en: "server", de: "Server" },
  "condition.users": { en: "person", de: "Person" },
  "condition.roles": { en: "roles", de: "Rollen" },
  "condition.claims": { en: "details", de: "Angaben" },
  "condition.consent_needed": { en: "your answer", de: "Ihre Antwort" },

  "fact.nothing": { en: "nothing", de: "nichts" },
  "fact.nobody is known": { en: "unknown", de: "unbekannt" },
  "fact.matches": { en: "matches", de: "stimmt überein" },
  "fact.differs": { en: "differs", de: "weicht ab" },
  "fact.is absent": { en: "is absent", de: "fehlt" },
  "fact.approved": { en: "approved", de: "erlaubt" },
  "fact.denied": { en: "denied", de: "abgelehnt" },
  "fact.pending": { en: "not answered yet", de: "noch nicht beantwortet" },
  "fact.not asked": { en: "not asked yet", de: "noch nicht gefragt" },

  "obstacle.the resource is gone": { en: "The resource was deleted", de: "Die Ressource wurde gelöscht" },
  "obstacle.the resource is switched off": {
    en: "The resource is not available",
    de: "Die Ressource ist nicht verfügbar",
  },
  "obstacle.no scope was asked": {
    en: "The resource has none of the requested scopes",
    de: "Die Ressource hat keinen der angefragten Scopes",
  },
  "obstacle.there is no policy": { en: "There is no policy for it", de: "Es gibt keine Richtlinie dafür" },
  "obstacle.the record cannot be read": { en: "The record cannot be read", de: "Der Eintrag ist nicht lesbar" },
} as const satisfies TextTable;
