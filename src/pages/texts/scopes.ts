import type { TextTable } from "../language.js";

/** The descriptions of the built-in scopes. The English ones equal the declared ones, which a test checks. */
export const SCOPE_TEXTS = {
  "scope.openid": { en: "Know who you are", de: "Wissen, wer Sie sind" },
  "scope.profile": { en: "See your profile", de: "Ihr Profil sehen" },
  "scope.email": { en: "See your email address", de: "Ihre E-Mail-Adresse sehen" },
  "scope.phone": { en: "See your phone number", de: "Ihre Telefonnummer sehen" },
  "scope.address": { en: "See your postal address", de: "Ihre Postanschrift sehen" },
  "scope.role": { en: "See your roles", de: "Ihre Rollen sehen" },
  "scope.offline_access": { en: "Stay signed in when you are away", de: "Angemeldet bleiben, wenn Sie nicht da sind" },
  "scope.jeton:admin": {
    en: "Administer this server and revoke any token",
    de: "Diesen Server verwalten und jedes Token widerrufen",
  },
  "scope.jeton:admin:read": {
    en: "See everything that this server knows, except secrets",
    de: "Alles sehen, was dieser Server weiß, außer Geheimnissen",
  },
  "scope.jeton:admin:revoke": {
    en: "End tokens and sessions of anybody",
    de: "Token und Sitzungen aller Personen beenden",
  },
  "scope.jeton:admin:clients": {
    en: "Administer the clients of this server",
    de: "Die Clients dieses Servers verwalten",
  },
  "scope.jeton:admin:users": {
    en: "Administer the users of this server",
    de: "Die Benutzer dieses Servers verwalten",
  },
  "scope.jeton:admin:keys": {
    en: "Replace the signing keys of this server",
    de: "Die Signaturschlüssel dieses Servers ersetzen",
  },
  "scope.jeton:introspect": { en: "Introspect every token", de: "Jedes Token prüfen" },
  "scope.uma_protection": { en: "Protect resources", de: "Ressourcen schützen" },
  "scope.uma_claims": { en: "Ask others for access in your name", de: "In Ihrem Namen andere um Zugriff bitten" },
} as const satisfies TextTable;
