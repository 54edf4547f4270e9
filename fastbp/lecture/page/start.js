// The page begins; `window.lecture` shows its numbers to programs.

startReading();
startPanel();
startSlides();
startTraining();
window.lecture = { state, training };
