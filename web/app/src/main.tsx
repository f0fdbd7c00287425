import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './ui/tokens.css';
import './ui/base.css';
import './app/theme.ts';
import { App } from './app/App.tsx';

createRoot(document.getElementById('root')!).render(<StrictMode><App /></StrictMode>);
