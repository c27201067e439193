{
  const about = JSON.parse(document.getElementById("player-about").textContent);
  const video = { url: urlOf("player-video", "video/mp4") }, pack = { url: urlOf("player-pack", "application/octet-stream") };
  startPlayer(document.getElementById("player"), { value: { about, video, pack } }, () => {}, () => {});
}
