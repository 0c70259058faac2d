import type { TextTable } from "../../pages/language.js";

/** The texts of the other pages. */
export const PAGE_TEXTS = {
  "list.none": { en: "There are none.", de: "Es gibt keine." },
  "list.next": { en: "Further ones", de: "Weitere" },
  "list.all": { en: "All of them", de: "Alle" },
  "list.end": { en: "End", de: "Beenden" },
  table: { en: "Table", de: "Tabelle" },
  "field.lines": { en: "one in each line", de: "je Zeile einer" },
  "field.json": { en: "JSON", de: "JSON" },
  "field.yes": { en: "yes", de: "ja" },
  "field.no": { en: "no", de: "nein" },
  "secret.copy": { en: "Copy", de: "Kopieren" },
  "secret.copied": { en: "Copied", de: "Kopiert" },
  "secret.once": {
    en: "It is shown this once and cannot be read again.",
    de: "Es wird nur dieses eine Mal angezeigt und kann nicht noch einmal gelesen werden.",
  },
  "commands.help": {
    en: "Every command of the server that your roles include. The command line and the Admin API have the same ones.",
    de: "Alle Befehle des Servers, die Ihre Rollen einschließen. Die Befehlszeile und die Admin API haben dieselben.",
  },
  "command.done": { en: "Done.", de: "Erledigt." },
  "command.result": { en: "Result", de: "Ergebnis" },
  "command.more": { en: "More settings", de: "Weitere Einstellungen" },
  "command.filter": { en: "Filter", de: "Filter" },
} as const satisfies TextTable;
