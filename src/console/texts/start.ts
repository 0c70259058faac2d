import type { TextTable } from "../../pages/language.js";

/** The texts of the start page. */
export const START_TEXTS = {
  "start.title": { en: "Is everything all right?", de: "Ist alles in Ordnung?" },
  "start.good": { en: "Yes. Everything is all right.", de: "Ja. Alles ist in Ordnung." },
  "start.bad": { en: "No. This needs your attention:", de: "Nein. Das braucht Ihre Aufmerksamkeit:" },
  "start.bad.feed": {
    en: "This server is cut off from the changes of the others. It looks for them in the database until it hears them again.",
    de: "Dieser Server erfährt nichts von den Änderungen der anderen. Er sucht sie in der Datenbank, bis er sie wieder erfährt.",
  },
  "start.bad.clock": {
    en: "The clocks of this machine and of the database differ by {time}. Set both by NTP.",
    de: "Die Uhren dieses Rechners und der Datenbank weichen um {time} voneinander ab. Stellen Sie beide mit NTP.",
  },
  "start.bad.alarms": {
    en: "Alarms in the last hour: {count}. They may mean an attack.",
    de: "Alarme in der letzten Stunde: {count}. Sie können einen Angriff bedeuten.",
  },
  "start.bad.pool": {
    en: "{count} requests wait for a connection to the database.",
    de: "{count} Anfragen warten auf eine Verbindung zur Datenbank.",
  },
  "start.bad.hashes": {
    en: "{count} logins wait for a processor.",
    de: "{count} Anmeldungen warten auf einen Prozessor.",
  },
  "start.bad.sweep": {
    en: "{count} expired rows wait for deletion, and their number grows faster than they are deleted.",
    de: "{count} abgelaufene Zeilen warten auf das Löschen und werden mehr, als gelöscht werden.",
  },
  "start.bad.key": {
    en: "The signing key for {alg} is older than a year. Rotate the keys.",
    de: "Der Signaturschlüssel für {alg} ist älter als ein Jahr. Wechseln Sie die Schlüssel.",
  },
  "start.bad.refused": {
    en: "{share} of all requests of the last hour were refused.",
    de: "{share} aller Anfragen der letzten Stunde wurden abgelehnt.",
  },
  "start.decisions": { en: "Decisions in the last hour", de: "Entscheidungen der letzten Stunde" },
  "start.decisions.none": {
    en: "There were no decisions in the last hour.",
    de: "In der letzten Stunde gab es keine Entscheidungen.",
  },
  "start.outcome.granted": { en: "Granted", de: "Gewährt" },
  "start.outcome.refused": { en: "Refused", de: "Abgelehnt" },
  "start.chart": {
    en: "{name}: {total} in the last hour, at most {most} in a minute, {latest} in the last minute",
    de: "{name}: {total} in der letzten Stunde, höchstens {most} in einer Minute, {latest} in der letzten Minute",
  },
  "start.most": { en: "at most {most} a minute", de: "höchstens {most} in der Minute" },
  "start.dialects": { en: "By dialect", de: "Nach Dialekt" },
  "start.grants": { en: "By grant type", de: "Nach Grant Type" },
  "start.none.dialect": { en: "pages of this server", de: "Seiten dieses Servers" },
  "start.none.grant_type": { en: "no grant type", de: "kein Grant Type" },
  "start.alarms": { en: "Alarms", de: "Alarme" },
  "start.alarms.none": { en: "None in the last hour.", de: "Keine in der letzten Stunde." },
  "start.alarm.refresh_token_reused": {
    en: "a used refresh token came again",
    de: "ein verbrauchtes Refresh Token kam wieder",
  },
  "start.alarm.code_replayed": { en: "an authorization code came again", de: "ein Autorisierungscode kam wieder" },
  "start.alarm.account_locked": { en: "an account was locked", de: "ein Konto wurde gesperrt" },
  "start.keys": { en: "Signing keys", de: "Signaturschlüssel" },
  "start.keys.age": { en: "{alg}: in use for {age}", de: "{alg}: in Gebrauch, Alter {age}" },
  "start.keys.link": { en: "All keys", de: "Alle Schlüssel" },
  "start.server": { en: "Server", de: "Server" },
  "start.version": { en: "Jeton {version}, Node.js {node}", de: "Jeton {version}, Node.js {node}" },
  "start.workers": { en: "processes: {count}", de: "Prozesse: {count}" },
  "start.requests": { en: "requests in progress: {count}", de: "Anfragen in Arbeit: {count}" },
  "start.database": { en: "Database", de: "Datenbank" },
  "start.database.answers": { en: "It answers.", de: "Sie antwortet." },
  "start.database.connections": {
    en: "connections in use: {used}, idle: {idle}",
    de: "Verbindungen in Gebrauch: {used}, frei: {idle}",
  },
  "start.database.clock": { en: "difference of the clocks: {time}", de: "Abweichung der Uhren: {time}" },
  "start.database.backlog": { en: "expired rows to delete: {count}", de: "abgelaufene Zeilen zu löschen: {count}" },
} as const satisfies TextTable;
