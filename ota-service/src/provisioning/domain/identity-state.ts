/** `cleared`: an operator lets the next claim through, whatever key it brings. */
export type IdentityState = 'claimed' | 'quarantined' | 'cleared' | 'retired';
