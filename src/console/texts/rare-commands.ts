import { row, type CommandText } from "./command-row.js";

const EXPLAINS =
  "erklärt eine Entscheidung: was angefragt und geprüft wurde, was fehlschlug, was zu tun ist und was es heute wäre";

/** The same of commands that are used less often. */
export const RARE_COMMAND_TEXTS: Readonly<Record<string, CommandText>> = {
  "configuration export": row(
    "Export the configuration",
    "Konfiguration exportieren",
    "gibt die Konfiguration als Provisionierungsdatei (JSON Lines) ohne Geheimnisse aus",
  ),
  "configuration diff": row(
    "Compare a configuration",
    "Konfiguration vergleichen",
    "listet ohne Geheimnisse, was das Anwenden einer Provisionierungsdatei ändern würde; ändert nichts",
  ),
  "configuration apply": row("Apply a configuration", "Konfiguration anwenden", "wendet eine Provisionierungsdatei an"),
  "scope list": row("List scopes", "Scopes auflisten", "listet alle Scopes, vereinbarte und eingebaute"),
  "scope show": row(
    "Show a scope",
    "Scope anzeigen",
    "zeigt einen Scope: seine Beschreibung, seine Audience und die Claims, die er freigibt",
  ),
  "scope clients": row(
    "Clients of a scope",
    "Clients eines Scopes",
    "listet die Clients, die einen Scope anfragen dürfen",
  ),
  "audience list": row(
    "List audiences",
    "Audiences auflisten",
    "listet die Audiences der Scopes und wie jede ihre Access Tokens signiert haben möchte",
  ),
  "audience clients": row(
    "Clients of an audience",
    "Clients einer Audience",
    "listet die Clients, die Tokens für eine Audience anfragen dürfen, oder die Resource Server, die sie prüfen dürfen",
  ),
  "uma explain": row(
    "Explain a UMA decision",
    "UMA-Entscheidung erklären",
    "erklärt eine Entscheidung: jede geprüfte Regel, was sie verglich und welche den Ausschlag gab",
  ),
  "uma-resource list": row(
    "List resources",
    "Ressourcen auflisten",
    "listet geschützte Ressourcen nach ID: alle oder die eines Eigentümers oder eines Resource Servers",
  ),
  "uma-resource show": row(
    "Show a resource",
    "Ressource anzeigen",
    "zeigt eine geschützte Ressource mit den IDs ihrer Richtlinien",
  ),
  "uma-policy list": row(
    "List policies",
    "Richtlinien auflisten",
    "listet Richtlinien nach ID: alle oder die eines Eigentümers oder eines Resource Servers",
  ),
  "uma-policy show": row(
    "Show a policy",
    "Richtlinie anzeigen",
    "zeigt eine Richtlinie mit ihren Regeln und den IDs ihrer Ressourcen, höchstens den ersten tausend",
  ),
  "uma-approval list": row(
    "List questions to owners",
    "Fragen an Eigentümer auflisten",
    "listet die Fragen an einen Eigentümer in einem Zustand, die neueste zuerst, oder alle zu einer Ressource",
  ),
  "uma-decision list": row(
    "List UMA decisions",
    "UMA-Entscheidungen auflisten",
    "listet Entscheidungen über Tickets, die neueste zuerst",
  ),
  "dialects usage": row(
    "Use of dialects",
    "Verwendung der Dialekte",
    "listet, welcher Client welchen Dialekt verwendet hat, wie oft und zuletzt wann",
  ),
  "limit list": row(
    "List limits",
    "Grenzen auflisten",
    "listet die Grenzen für Versuche: die freien und wie viele Sekunden nach jedem weiteren zu warten sind",
  ),
  "limit count": row(
    "Count attempts",
    "Versuche zählen",
    "zählt die Zähler von Versuchen und die, die gerade keinen Versuch zulassen",
  ),
  "limit show": row(
    "Show attempts",
    "Versuche anzeigen",
    "zeigt die gezählten Versuche einer Person, eines Clients oder einer Adresse und bis wann jede gebremst oder gesperrt ist",
  ),
  "limit forgive": row(
    "Reset attempts",
    "Versuche zurücksetzen",
    "setzt die gezählten Versuche einer Person, eines Clients oder einer Adresse zurück, sodass der nächste frei ist",
  ),
  "audit list": row("List changes", "Änderungen auflisten", "listet Änderungen, die neueste zuerst"),
  "audit show": row("Show a change", "Änderung anzeigen", "zeigt eine Änderung: wer, woher, was, vorher und nachher"),
  "audit proof": row(
    "Prove a change",
    "Änderung beweisen",
    "beweist, dass das Protokoll einen Eintrag hat: der Text einer Datei, zu deren Prüfung der öffentliche Schlüssel genügt",
  ),
  "audit erase": row(
    "Erase the records of a person",
    "Einträge einer Person löschen",
    "löscht den Inhalt aller Einträge über eine Person und von ihr; das Protokoll bleibt vollständig und sagt es",
  ),
  explain: row("Explain a decision", "Entscheidung erklären", EXPLAINS),
  "decision show": row("Show a decision", "Entscheidung anzeigen", EXPLAINS),
  "decision list": row("List decisions", "Entscheidungen auflisten", "listet Entscheidungen, die neueste zuerst"),
  replay: row(
    "Decide again",
    "Noch einmal entscheiden",
    "entscheidet die aufbewahrten Anfragen noch einmal, als wäre eine Provisionierungsdatei angewendet, und listet, was anders ausginge",
  ),
  "job list": row("List jobs", "Aufträge auflisten", "listet Aufträge, den neuesten zuerst"),
  "job show": row("Show a job", "Auftrag anzeigen", "zeigt einen Auftrag und seinen Fortschritt"),
  "job cancel": row("Cancel a job", "Auftrag abbrechen", "bricht einen Auftrag ab; was geschehen ist, bleibt"),
};
