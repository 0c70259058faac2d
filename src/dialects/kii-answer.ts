import type { Operations } from "../endpoints/operations.js";

/** How Kii Cloud describes users and things. */

/** A user without a login name has the id in its place, which is no name. */
export function nameOf(sub: string, preferred_username: string): string | undefined {
  return preferred_username === sub ? undefined : preferred_username;
}

/** The fields that an application keeps with an account. */
function fieldsOf(claims: Readonly<Record<string, unknown>>, app_id: string): object {
  const { app_fields } = claims as { readonly app_fields?: Readonly<Record<string, object>> };
  return app_fields !== undefined && Object.hasOwn(app_fields, app_id) ? app_fields[app_id]! : {};
}

/** A user, with the fields of the application. */
export function describe({ person, app_id }: Operations["appUser"]): object {
  const { sub, preferred_username, email, email_verified, phone_number, phone_number_verified, claims } = person;
  return {
    ...fieldsOf(claims, app_id),
    userID: sub,
    loginName: nameOf(sub, preferred_username),
    displayName: claims.name,
    country: claims.country,
    locale: claims.locale,
    ...(email === null ? {} : { emailAddress: email, emailAddressVerified: email_verified }),
    ...(phone_number === null ? {} : { phoneNumber: phone_number, phoneNumberVerified: phone_number_verified }),
  };
}

/** A thing, with the fields of the application. */
export function describeThing({ sub, app_id, vendor_thing_id, created_at, claims }: Operations["appThing"]): object {
  return {
    ...fieldsOf(claims, app_id),
    _thingID: sub,
    _vendorThingID: vendor_thing_id,
    _created: created_at.getTime(),
    _disabled: false,
  };
}
