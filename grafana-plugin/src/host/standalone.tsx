import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from '../shell/app.tsx';
import { createStandaloneHost } from './standalone-host.ts';

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <App host={createStandaloneHost(window)} />
  </StrictMode>,
);
