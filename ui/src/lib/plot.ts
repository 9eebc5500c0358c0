/** The drawing library, fetched once, and only when there is something to draw. */
import type uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

let fetched: Promise<typeof uPlot> | undefined;

export function plotting(): Promise<typeof uPlot> {
  fetched ??= fetch();
  return fetched;
}

async function fetch(): Promise<typeof uPlot> {
  speakSome(navigator);
  return (await import('uplot')).default;
}

/**
 * With LANG=C, WebKit calls its language “C”, which no formatter takes; the library makes one as it is loaded, and would not
 * load at all.
 */
export function speakSome(navigator: { readonly language: string }): void {
  try {
    new Intl.NumberFormat(navigator.language);
  } catch {
    Object.defineProperty(navigator, 'language', { value: 'en-GB', configurable: true });
  }
}
