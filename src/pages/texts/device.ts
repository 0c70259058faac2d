import type { TextTable } from "../language.js";

/** The texts of the pages on which people connect a device (RFC 8628). */
export const DEVICE_TEXTS = {
  "device.title": { en: "Connect a device", de: "Gerät verbinden" },
  "device.enter": {
    en: "Enter the code that your device shows.",
    de: "Geben Sie den Code ein, den Ihr Gerät anzeigt.",
  },
  "device.compare": {
    en: "Compare this code with the one on your device. Continue only if they are the same.",
    de: "Vergleichen Sie diesen Code mit dem auf Ihrem Gerät. Fahren Sie nur fort, wenn beide gleich sind.",
  },
  "device.own": {
    en: "Do this only for a device in front of you, on which you have just started to sign in yourself. If another person sent you the code or the link, cancel: their device would get access to your account.",
    de: "Tun Sie das nur für ein Gerät, das Sie vor sich haben und auf dem Sie die Anmeldung gerade selbst begonnen haben. Hat jemand Ihnen den Code oder den Link geschickt, brechen Sie ab: Dessen Gerät bekäme Zugriff auf Ihr Konto.",
  },
  "device.code": { en: "Code on your device", de: "Code auf Ihrem Gerät" },
  "device.continue": { en: "Continue", de: "Weiter" },
  "device.same": { en: "The codes are the same", de: "Die Codes sind gleich" },
  "device.wrong": {
    en: "That code is not valid. It may be mistyped, expired or already used. Please check it, or start again on the device.",
    de: "Dieser Code gilt nicht. Vielleicht enthält er einen Tippfehler, ist abgelaufen oder wurde schon verwendet. Bitte prüfen Sie ihn, oder beginnen Sie auf dem Gerät neu.",
  },
  "device.consent": {
    en: "The access goes to a device that shows the code {code}. Allow it only if that device is in front of you and you have started this yourself. Deny it if anybody asked you for it by email, message or phone.",
    de: "Den Zugriff bekommt ein Gerät, das den Code {code} anzeigt. Erlauben Sie es nur, wenn Sie dieses Gerät vor sich haben und die Anmeldung selbst begonnen haben. Lehnen Sie ab, wenn jemand Sie per E-Mail, Nachricht oder Anruf darum gebeten hat.",
  },
  "device.outcome.allowed": { en: "Your device is connected", de: "Ihr Gerät ist verbunden" },
  "device.outcome.allowed.help": {
    en: "Go back to your device: {client} continues there in a few seconds. You can withdraw the access in your account.",
    de: "Kehren Sie zu Ihrem Gerät zurück: {client} macht dort in wenigen Sekunden weiter. In Ihrem Konto können Sie den Zugriff wieder entziehen.",
  },
  "device.outcome.denied": { en: "Your device gets no access", de: "Ihr Gerät bekommt keinen Zugriff" },
  "device.outcome.denied.help": {
    en: "{client} was not connected. You can close this window.",
    de: "{client} wurde nicht verbunden. Sie können dieses Fenster schließen.",
  },
  "device.outcome.over": { en: "This code is no longer valid", de: "Dieser Code gilt nicht mehr" },
  "device.outcome.over.help": {
    en: "It has expired or was already answered, so nothing has changed. Start again on your device to connect {client}.",
    de: "Er ist abgelaufen oder wurde schon beantwortet, deshalb hat sich nichts geändert. Beginnen Sie auf Ihrem Gerät neu, um {client} zu verbinden.",
  },
  "device.again": { en: "Enter another code", de: "Anderen Code eingeben" },
} as const satisfies TextTable;
