/** Writes gzipped tar files as npm packages are, for tests of the reader. */
import { gzipSync } from "node:zlib";

export function tarball(files: Readonly<Record<string, Buffer>>): Buffer {
  const parts = Object.entries(files).flatMap(([name, bytes]) => {
    const head = Buffer.alloc(512);
    head.write(name, 0);
    head.write("000644 \0", 100);
    head.write(`${bytes.length.toString(8).padStart(11, "0")} `, 124);
    head.write("0", 156);
    head.write("ustar\x0000", 257);
    head.write("        ", 148);
    const sum = head.reduce((total, byte) => total + byte, 0);
    head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [head, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(1024)]));
}
