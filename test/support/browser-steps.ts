import type { Page } from "playwright-core";

/**
 * What the documentation says of a browser, as it stands there: "Open `http://…`, enter `alice` as **Password**, click
 * **Sign in**, go back. The page says "…"."
 */
const STEPS: readonly {
  readonly words: RegExp;
  readonly take: (page: Page, words: readonly string[]) => Promise<void>;
}[] = [
  { words: /\b[Oo]pen `([^`]+)`/, take: async (page, [address]) => void (await page.goto(address!)) },
  { words: /`([^`]+)` as \*\*([^*]+)\*\*/, take: (page, [text, label]) => page.getByLabel(label!).fill(text!) },
  { words: /\b[Cc]lick \*\*([^*]+)\*\*/, take: click },
  { words: /\b[Gg]o back\b/, take: async (page) => void (await page.goBack()) },
  { words: /\bsays "([^"]+)"/, take: (page, [text]) => page.getByText(text!).first().waitFor() },
];

const ANY_STEP = new RegExp(STEPS.map(({ words }) => words.source).join("|"), "g");

/** Does what one item of a list says. @throws Error where the item says nothing that can be done, or it cannot be done */
export async function takeSteps(page: Page, item: string): Promise<void> {
  const found = item.match(ANY_STEP) ?? [];
  if (found.length === 0) throw new Error(`nothing of this can be done in a browser: ${item}`);
  for (const one of found) {
    const step = STEPS.find(({ words }) => words.test(one))!;
    await step.take(page, step.words.exec(one)!.slice(1));
  }
}

async function click(page: Page, [name]: readonly string[]): Promise<void> {
  const named = { name: name!, exact: true };
  await page.getByRole("button", named).or(page.getByRole("link", named)).click();
}
