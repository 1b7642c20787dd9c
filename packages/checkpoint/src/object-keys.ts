/**
 * The keys of the outermost object of a JSON text, in order, repeated ones repeated: `JSON.parse` keeps only the last of
 * each, so a file could say two things about one tensor.
 *
 * @param json Valid JSON.
 */
export function objectKeys(json: string): string[] {
  const keys: string[] = [];
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]]|:/g;
  let depth = 0;
  let lastString = "";
  for (const [text] of json.matchAll(token)) {
    if (text === "{" || text === "[") depth++;
    else if (text === "}" || text === "]") depth--;
    else if (text !== ":") lastString = text;
    else if (depth === 1) keys.push(JSON.parse(lastString) as string);
  }
  return keys;
}
