# varnish before a server that says how long its answers live: its built-in rules do the rest.
vcl 4.1;

backend default {
  .host = "127.0.0.1";
  .port = "@ORIGIN@";
}
