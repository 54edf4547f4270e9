// The page begins; `window.lecture` shows its numbers to programs.

startReading();
startPanel();
startSlides();
startTraining();
requestAnimationFrame(() => requestAnimationFrame(() => document.body.classList.add("settled"))); // all heights are known
window.lecture = { state, training };
