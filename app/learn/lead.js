() => {
  const { tab, ticks } = JSON.parse(document.querySelector('#learn-live [data-leads]').dataset.leads);
  document.querySelector(`#views [role=tab][data-tab-id=${tab}]`)?.click();
  scrollTo(0, 0);
  if (!ticks) return;
  // A tab's parts are made when it is first opened: the change is ticked, and others are not, once they are there.
  const began = Date.now();
  const look = () => {
    const wanted = document.querySelector(`#wi-${ticks} input[type=checkbox]`);
    const go = document.querySelector('#wi-go');
    if (!wanted?.offsetParent || !go) return Date.now() - began < 15000 && setTimeout(look, 100);
    for (const other of document.querySelectorAll('.wi-tick input:checked')) if (other !== wanted) other.click();
    if (!wanted.checked) wanted.click();
    setTimeout(() => go.click(), 200);
  };
  look();
}
