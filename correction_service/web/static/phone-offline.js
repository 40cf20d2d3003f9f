// Goes on by itself when the network is back.
addEventListener("online", () => location.replace("/m/"));
