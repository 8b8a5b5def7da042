// nodemailer with its pool. Arguments: port, starttls|tls|plain, token, count.
import { readFileSync } from "node:fs";
import nodemailer from "nodemailer";

const [port, mode, token, count] = process.argv.slice(2);
const transport = nodemailer.createTransport({
  host: "localhost", port: Number(port), secure: mode === "tls", requireTLS: mode === "starttls", ignoreTLS: mode === "plain",
  pool: true, maxConnections: 2, auth: { user: "resend", pass: token },
});
await transport.verify();
const all = Array.from({ length: Number(count) }, () => transport.sendMail({
  from: "Us <us@example.com>", to: "ana@example.org", cc: "bo@example.org", bcc: "eve@example.org", subject: "Grüße ✓",
  text: "Hello\n.one dot\n..two\nümläut\n", html: "<p>Hello ümläut</p>",
  icalEvent: { method: "REQUEST", content: readFileSync(new URL("../invite.ics", import.meta.url)) },
  attachments: [{ filename: "a.bin", content: Buffer.from(Array.from({ length: 256 }, (_, i) => i)) }],
}));
for (const info of await Promise.all(all)) {
  if (info.rejected.length || !/^250 2\.0\.0 Ok: queued as [0-9a-f-]{36}$/.test(info.response)) throw new Error(JSON.stringify(info));
}
transport.close();
