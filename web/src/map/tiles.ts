// The basemap's tiles, out of one PMTiles file next to the page. Where the server knows no byte ranges the whole file
// (2 MB) is fetched once.
import type { GetResourceResponse, RequestParameters } from 'maplibre-gl';
import { PMTiles, type RangeResponse, type Source } from 'pmtiles';

class Archive implements Source {
  private readonly url: string;
  private whole: Promise<ArrayBuffer> | null = null;

  constructor(url: string) {
    this.url = url;
  }

  getKey(): string {
    return this.url;
  }

  async getBytes(offset: number, length: number, signal?: AbortSignal): Promise<RangeResponse> {
    if (this.whole) return { data: (await this.whole).slice(offset, offset + length) };
    const answer = await fetch(this.url, {
      headers: { Range: `bytes=${offset}-${offset + length - 1}` },
      signal: signal ?? null,
    });
    if (answer.status === 206) return { data: await answer.arrayBuffer() };
    if (!answer.ok) throw new Error(`${this.url}: ${answer.status}`);
    this.whole ??= answer.arrayBuffer();
    return { data: (await this.whole).slice(offset, offset + length) };
  }
}

// basemap answers basemap://z/x/y. A tile that the archive does not hold is sea.
export function basemap(
  url: string,
): (p: RequestParameters, abort: AbortController) => Promise<GetResourceResponse<ArrayBuffer>> {
  const archive = new PMTiles(new Archive(url));
  return async (p, abort) => {
    const [z, x, y] = p.url.replace('basemap://', '').split('/').map(Number);
    const tile = await archive.getZxy(z ?? 0, x ?? 0, y ?? 0, abort.signal);
    return { data: tile?.data ?? new ArrayBuffer(0) };
  };
}
