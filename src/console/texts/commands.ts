import { row, type CommandText } from "./command-row.js";

/**
 * What the commands are called on their pages, and what they do in German. A command without a row is called by its name, so a new
 * command needs none.
 */

export const COMMAND_TEXTS: Readonly<Record<string, CommandText>> = {
  "client list": row("List clients", "Clients auflisten", "listet Clients nach ihrer ID; jedes Feld ist ein Filter"),
  "client show": row("Show a client", "Client anzeigen", "zeigt einen Client, ohne seine Geheimnisse"),
  "client add": row(
    "Add a client",
    "Client anlegen",
    "legt einen Client an; ein neues Geheimnis wird einmal angezeigt",
  ),
  "client disable": row(
    "Disable a client",
    "Client sperren",
    "sperrt einen Client: Seine Anfragen und Tokens werden abgelehnt",
  ),
  "client enable": row("Enable a client", "Client entsperren", "gibt einen Client wieder frei"),
  "client update": row(
    "Change a client",
    "Client ändern",
    "ändert die ausgefüllten Einstellungen; die anderen und die Geheimnisse bleiben",
  ),
  "client usage": row(
    "Use of a client",
    "Verwendung eines Clients",
    "listet die Dialekte, die ein Client verwendet, wie oft und zuletzt wann",
  ),
  "client delete": row(
    "Delete a client",
    "Client löschen",
    "löscht einen Client mit seinen Tokens und UMA-Ressourcen; eine App wird mit ihren Things gelöscht",
  ),
  "client rotate-secret": row(
    "New secret for a client",
    "Neues Geheimnis für einen Client",
    "gibt einem Client ein neues Geheimnis, das einmal angezeigt wird; die früheren enden sofort oder nach der Übergangszeit",
  ),
  "registration-token add": row(
    "Make an initial access token",
    "Anfangstoken ausstellen",
    "stellt ein Token aus, mit dem sich Clients selbst registrieren; es wird einmal angezeigt",
  ),
  "registration-token list": row(
    "List initial access tokens",
    "Anfangstokens auflisten",
    "listet die Anfangstokens, ohne ihren Text",
  ),
  "registration-token delete": row(
    "Delete an initial access token",
    "Anfangstoken löschen",
    "löscht ein Anfangstoken; Clients, die sich damit registriert haben, bleiben",
  ),
  "user list": row(
    "List people",
    "Personen auflisten",
    "listet Personen nach Anmeldenamen; findet eine nach einer Kennung oder mehrere nach dem Anfang des Namens",
  ),
  "user show": row(
    "Show a person",
    "Person anzeigen",
    "zeigt eine Person mit Angaben und Kennungen, ohne das Passwort",
  ),
  "user identifiers": row(
    "Identifiers of a person",
    "Kennungen einer Person",
    "listet, womit sich eine Person anmelden kann: Anmeldename und bestätigte Adressen",
  ),
  "user add": row("Add a person", "Person anlegen", "legt eine Person an; ein neues Passwort wird einmal angezeigt"),
  "user update": row(
    "Change a person",
    "Person ändern",
    "ändert die ausgefüllten Angaben; die anderen und das Passwort bleiben; eine neue Adresse gilt als unbestätigt",
  ),
  "user disable": row("Disable a person", "Person sperren", "sperrt eine Person und widerruft ihre Tokens"),
  "user enable": row("Enable a person", "Person entsperren", "gibt eine Person wieder frei"),
  "user delete": row(
    "Delete a person",
    "Person löschen",
    "löscht eine Person mit Einwilligungen, Sitzungen, Tokens und UMA-Ressourcen; die Kennung wird nie wieder vergeben",
  ),
  "user unlock": row(
    "Unlock a person",
    "Person freischalten",
    "setzt die Zahl falscher Passwörter zurück, sodass sich die Person sofort wieder anmelden kann",
  ),
  "user passwd": row(
    "New password for a person",
    "Neues Passwort für eine Person",
    "setzt ein Passwort oder zeigt einmal ein neues; widerruft die Tokens der Person und setzt die Zahl falscher Passwörter zurück",
  ),
  "consent list": row("List consents", "Einwilligungen auflisten", "listet, was eine Person Clients erlaubt hat"),
  "consent withdraw": row(
    "Withdraw a consent",
    "Einwilligung entziehen",
    "entzieht einem Client, was eine Person ihm erlaubt hat, und beendet die Erlaubnisse, die darauf beruhen",
  ),
  "issuer list": row(
    "List trusted issuers",
    "Vertraute Aussteller auflisten",
    "listet die Aussteller, deren Assertions angenommen werden, mit Clients, Scopes und Bedingungen",
  ),
  revoke: row(
    "Revoke",
    "Widerrufen",
    "widerruft ein Token oder alles einer Person, eines Clients, einer Erlaubnis oder aller, auch die Sitzungen der Browser",
  ),
  "grant list": row(
    "List grants",
    "Erlaubnisse auflisten",
    "listet Erlaubnisse, die neueste einer Person oder eines Clients zuerst; ohne beide in der Reihenfolge ihrer IDs",
  ),
  "grant show": row(
    "Show a grant",
    "Erlaubnis anzeigen",
    "zeigt eine Erlaubnis mit ihrer Herkunft: Anmeldung, Einwilligung, Code, Refresh Tokens, Access Tokens und warum sie endete",
  ),
  "grant revoke": row("End a grant", "Erlaubnis beenden", "beendet eine Erlaubnis und alle ihre Tokens"),
  "grant count": row(
    "Count grants",
    "Erlaubnisse zählen",
    "zählt die Erlaubnisse, die gemeinsam enden würden; bei sehr vielen, wie viele es mindestens sind",
  ),
  "grant revoke-many": row(
    "End many grants",
    "Viele Erlaubnisse beenden",
    "beendet alle Erlaubnisse, auf die die Filter zutreffen, als Auftrag",
  ),
  "session list": row(
    "List sessions",
    "Sitzungen auflisten",
    "listet die Browser-Sitzungen einer Person oder die, in denen ein Client eine Erlaubnis bekam",
  ),
  "session show": row("Show a session", "Sitzung anzeigen", "zeigt eine Browser-Sitzung"),
  "session revoke": row(
    "End a session",
    "Sitzung beenden",
    "beendet eine Browser-Sitzung und ihre Erlaubnisse ohne offline_access; Clients erfahren es wie nach einer Abmeldung",
  ),
  "token show": row(
    "Explain a token in hand",
    "Vorliegendes Token erklären",
    "beschreibt ein vorliegendes Token: was es ist, wem es gehört, ob es gilt oder warum nicht",
  ),
  "keys list": row(
    "List signing keys",
    "Signaturschlüssel auflisten",
    "listet die Signaturschlüssel mit Zuständen und Alter und wann und warum jeder entfernt werden kann",
  ),
  "keys rotate": row(
    "Rotate the signing keys",
    "Signaturschlüssel wechseln",
    "lässt die nächsten Schlüssel signieren, sobald Zwischenspeicher erneuert sind; ist einer bekannt geworden, sofort, und lehnt alles ab, was die alten signiert haben",
  ),
  "keys remove": row(
    "Remove a retired key",
    "Abgelösten Schlüssel entfernen",
    "entfernt einen abgelösten Schlüssel, sobald kein Token mehr gilt, das er signiert hat; sonst geschieht es einen Tag später von selbst",
  ),
};
