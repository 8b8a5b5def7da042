// nodemailer's pool: node bench/nodemailer_pool.mjs PORT MESSAGES CONNECTIONS none|starttls; prints the seconds it took.
import { createRequire } from "node:module";

const require = createRequire(new URL("../tests/clients/node/package.json", import.meta.url));
const nodemailer = require("nodemailer");
const [port, messages, connections, encryption] = process.argv.slice(2);
const transport = nodemailer.createTransport({
  host: encryption === "starttls" ? "localhost" : "127.0.0.1",
  port: Number(port),
  secure: false,
  ignoreTLS: encryption !== "starttls",
  requireTLS: encryption === "starttls",
  pool: true,
  maxConnections: Number(connections),
  maxMessages: Infinity,
});
const text = ("x".repeat(70) + "\n").repeat(26);
const started = performance.now();
await Promise.all(
  Array.from({ length: Number(messages) }, (_, number) =>
    transport.sendMail({ from: "us@example.com", to: `p${number}@example.org`, subject: "Bench", text }),
  ),
);
console.log((performance.now() - started) / 1000);
transport.close();
