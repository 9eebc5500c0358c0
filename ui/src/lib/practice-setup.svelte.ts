/** How the next practice auction is to be. What was chosen stays for the one after it. */
export class PracticeSetup {
  name = $state('You');
  bots = $state(3);
  lots = $state(6);
  timerSeconds = $state(15);

  get options() {
    const name = this.name.trim();
    return { name: name === '' ? 'You' : name, bots: this.bots, lots: this.lots, timerSeconds: this.timerSeconds };
  }
}
