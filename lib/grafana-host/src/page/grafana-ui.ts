import { bootData } from './boot-data.ts';

/** `@grafana/ui`, as far as the plugin needs it. */
export const useTheme2 = () => ({ isDark: bootData.theme === 'dark' });
