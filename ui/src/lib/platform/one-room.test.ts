import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const source = join(process.cwd(), 'src');

function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|svelte)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** What a file imports, statically, dynamically or for its types. */
function imports(text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map((match) => match[1]!);
}

describe('the house', () => {
  it('has one room that knows Tauri: lib/platform', () => {
    const strangers = files(source)
      .filter((file) => !relative(source, file).startsWith(join('lib', 'platform')))
      .filter((file) => imports(readFileSync(file, 'utf8')).some((name) => name.startsWith('@tauri-apps/')))
      .map((file) => relative(source, file));
    expect(strangers).toEqual([]);
  });

  it('has one door to that room for what runs: tauri.ts, which only main.ts opens', () => {
    const visitors = files(source)
      .filter((file) => !relative(source, file).startsWith(join('lib', 'platform')))
      .filter((file) => imports(readFileSync(file, 'utf8')).some((name) => /platform\/(tauri|bindings)$/.test(name)))
      .map((file) => relative(source, file));
    expect(visitors).toEqual(['main.ts']);
  });

  it('would see such an import', () => {
    expect(imports(`import { invoke } from '@tauri-apps/api/core';`)).toEqual(['@tauri-apps/api/core']);
    expect(imports(`const core = await import("@tauri-apps/api/core")`)).toEqual(['@tauri-apps/api/core']);
  });
});
