/** Clients of a server under test: slow ones, and looking until something holds. */
import { connect } from "node:net";

/** A request whose body does not come to its end. */
export function slowBody(url: string, length = 50, begin = "{") {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = "";
  socket.on("error", () => {});
  socket.setEncoding("utf8").on("data", (part: string) => (text += part));
  socket.write(
    `POST /v1/completions HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${begin}`,
  );
  const closed = new Promise((resolve) => socket.on("close", resolve));
  return { said: () => text, end: () => socket.destroy(), closed };
}

/** Text of `/metrics`. */
export async function metricsOf(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`)).text();
}

/** Looks again and again. @throws Error when it never came to that */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("it never came to that");
}
