// The words of the pages that are fetched late: see text/text.ts.
declare module '*.json?more' {
  const words: Readonly<Record<string, string>>;
  export default words;
}
